"""The outside world by capability: billing, database, mail, events."""
