"""Calls: the script, phone numbers, and the vendor's signed results."""
