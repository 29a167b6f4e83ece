"""Catches mail: an SMTP server that keeps letters as .eml files, and a page to read them on."""
