"""Offers to stay: which one holds now, and how often it was shown."""
