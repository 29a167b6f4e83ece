"""The embedded stack: each part with its real clients, and the whole with everything that may go wrong."""
