"""The import, from an account that the tests fill only through Stripe's API."""
