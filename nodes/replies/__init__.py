"""Customers' replies to our emails: reading, storing and categorizing them."""
