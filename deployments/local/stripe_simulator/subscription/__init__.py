"""Subscriptions from their start to their end: items, periods, changes, schedules, pauses and cancellations."""
