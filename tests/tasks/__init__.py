"""Tasks: what a person should do about a customer."""
