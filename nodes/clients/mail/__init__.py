"""Mail: sending it, and receiving replies."""
