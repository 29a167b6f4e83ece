"""The nodes of `ask-for-reason`, which asks customers who cancelled in Stripe without a reason."""
