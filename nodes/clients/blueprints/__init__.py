"""Blueprints as a company writes and publishes them: loaded from YAML, checked, and read from the database."""
