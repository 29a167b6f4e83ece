"""Prefect flows, one per file, each of which reads like the specification's table of contents."""
