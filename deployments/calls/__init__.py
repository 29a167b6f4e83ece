"""Calls for operators: the script, and the commands that list them (see README.md)."""
