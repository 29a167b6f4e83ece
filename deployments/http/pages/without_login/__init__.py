"""The page on which customers cancel without a login."""
