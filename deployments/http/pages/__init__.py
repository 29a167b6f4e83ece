"""HTML pages: those linked in emails, the API reference and the start page."""
