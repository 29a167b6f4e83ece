"""Sessions of the cancel page: opened by a token, kept in PostgreSQL, and moved from screen to screen."""
