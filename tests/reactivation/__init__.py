"""The way back: the API, the letter's button, the feedback page."""
