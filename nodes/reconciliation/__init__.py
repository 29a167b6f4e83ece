"""The nodes of `reconcile`: Postgres beside Stripe, page by page."""
