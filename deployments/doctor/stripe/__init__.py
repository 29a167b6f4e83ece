"""Checks of what must be right in Stripe: key, webhook endpoint, catalogue and blueprints."""
