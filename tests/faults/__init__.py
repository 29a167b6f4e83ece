"""Unavailable parts, killed processes, and more requests than capacity."""
