"""Consents: ledger, page, commands and deletion, on a database of their own."""
