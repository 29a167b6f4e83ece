"""The demo: demo customers, and a cancellation for one of them."""
