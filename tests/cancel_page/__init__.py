"""The cancel page: its tokens and sessions, its screens, and what becomes of each press."""
