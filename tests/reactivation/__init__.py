"""Reactivation: the API, the email's button, the feedback page."""
