"""The HTTP application that starts the flows."""
