"""The refusals, by subject."""
