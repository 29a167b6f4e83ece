"""The HTTP trigger: the application that starts the flows."""
