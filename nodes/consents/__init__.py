"""Consents: the ledger of what customers accepted and revoked, and their choices on the preferences page."""
