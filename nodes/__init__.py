"""Nodes: what a flow is made of. One Prefect task a file, a folder a flow."""
