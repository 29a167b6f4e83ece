"""Customers' replies to our emails: reading them, before anything is stored."""
