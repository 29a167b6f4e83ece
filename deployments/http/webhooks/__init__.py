"""What other systems report to us."""
