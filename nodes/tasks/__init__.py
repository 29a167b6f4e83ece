"""Tasks: what a person of the company should do about a customer, each with an event and a webhook."""
