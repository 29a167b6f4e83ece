"""Outgoing webhooks (FEATURES U18, U19, F12)."""
