"""Codes for cancelling without a login: asked for, sent by email, and tried (FEATURES F21)."""
