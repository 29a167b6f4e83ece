"""`cancelflow doctor`: each check where all is well, and where its part is broken."""
