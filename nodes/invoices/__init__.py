"""Invoices of a subscription that ends: unpaid invoices, and renewals during a delayed cancellation."""
