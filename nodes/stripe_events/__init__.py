"""The nodes of `handle-stripe-event`: compare Stripe's current state with what was announced, and act on it."""
