"""The category of a customer's reply, by a model on this machine or by an OpenAI-compatible endpoint."""
