"""Nodes: the steps of the flows. One Prefect task per file, one folder per flow."""
