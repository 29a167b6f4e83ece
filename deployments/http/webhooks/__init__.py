"""Webhooks from other systems."""
