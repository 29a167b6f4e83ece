"""Parts that are away, processes that die, and more requests than places."""
