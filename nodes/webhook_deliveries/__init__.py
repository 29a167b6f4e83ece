"""Deliveries of outgoing webhooks: claimed when they are due, and sent by the trigger's process."""
