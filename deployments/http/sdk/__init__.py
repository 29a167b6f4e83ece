"""The HTTP API of the open-source React component, which carries out its flow with a token of the company's."""
