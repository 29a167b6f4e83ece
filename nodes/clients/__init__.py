"""Clients for the external services: billing, database, mail and events."""
