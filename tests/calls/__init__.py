"""Calls to customers who cancelled."""
