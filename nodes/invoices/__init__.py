"""Invoices of a subscription that ends: unpaid ones, and renewals that came too late."""
