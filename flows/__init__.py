"""Flows: what runs. One Prefect flow a file, each reading as the specification's table of contents."""
