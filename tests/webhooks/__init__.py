"""Stripe's webhooks, from the signature to what follows."""
