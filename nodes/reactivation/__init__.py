"""The nodes of `reactivate-subscription`, one file a step: a cancellation is taken back before it takes effect."""
