"""Outgoing emails and events, sent through the outbox."""
