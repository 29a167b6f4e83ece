"""How flows are reached and run: HTTP, command line, the embedded stack."""
