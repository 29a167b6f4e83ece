"""The nodes of `reactivate-subscription`, which revokes a cancellation before it takes effect. One file per step."""
