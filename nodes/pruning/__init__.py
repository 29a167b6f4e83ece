"""What serves for a while only: the nodes of the flow `prune-history`."""
