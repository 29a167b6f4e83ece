"""Prefect's settings and deployments, and all code that depends on its internals."""
