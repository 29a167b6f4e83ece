"""Catches mail: an SMTP server that keeps emails as .eml files, and a page to read them on."""
