"""The nodes of `handle-stripe-event`: an event says when to look, Stripe what there is, our records what was told."""
