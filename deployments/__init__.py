"""Entry points to the flows: HTTP, command line and the embedded stack."""
