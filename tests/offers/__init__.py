"""Offers: what is listed, what accepting one does, and whether every charge is as it was shown."""
