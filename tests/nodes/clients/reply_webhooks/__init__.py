"""Incoming webhooks with replies."""
