"""The node of `close-idle-sessions`."""
