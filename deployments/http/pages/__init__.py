"""The pages: what links in emails lead to, the API reference, the start page."""
