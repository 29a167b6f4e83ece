"""The embedded stack: each part against its real clients, and all of it against what may go wrong."""
