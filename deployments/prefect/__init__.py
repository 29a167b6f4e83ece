"""Prefect: its settings and deployments, and all that reaches into its internals."""
