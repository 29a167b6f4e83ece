"""The embedded stack: what stands in for every outside part, on one machine."""
