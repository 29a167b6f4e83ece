"""The import, from an account that the tests fill through Stripe's API alone."""
