"""The database: its client, its connections, and the checks of its setup."""
