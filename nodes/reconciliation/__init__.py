"""The nodes of `reconcile`, which compares Postgres with Stripe page by page."""
