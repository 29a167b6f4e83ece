"""Sessions of the cancel page and of the React component: opened by a token, kept in PostgreSQL, and moved on."""
