"""Subscriptions: our rows, their state in Stripe, and writes to Stripe that are read back."""
