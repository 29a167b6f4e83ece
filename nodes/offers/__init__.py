"""Retention offers: the current one, and how often it was shown."""
