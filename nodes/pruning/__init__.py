"""The nodes of `prune-history`, which deletes rows that are no longer needed."""
