"""Outgoing webhooks for operators and receivers: the events' schema, and the commands (see README.md)."""
