"""Data that a company replaces by its own: the catalogue of plans, with the JSON Schema that it is checked against."""
