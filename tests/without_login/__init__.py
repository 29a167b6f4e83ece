"""Cancelling without a login: the page, the codes and their emails, and attacks on them."""
