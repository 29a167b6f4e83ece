"""Subscriptions: the row, what Stripe says of it, and how a write to Stripe is read back."""
