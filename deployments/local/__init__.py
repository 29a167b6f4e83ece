"""The embedded stack: local replacements for every external service, on one machine."""
