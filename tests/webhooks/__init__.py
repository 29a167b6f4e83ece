"""Stripe's webhooks, from the signature to their effects."""
