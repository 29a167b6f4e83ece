"""Stripe, by subject."""
