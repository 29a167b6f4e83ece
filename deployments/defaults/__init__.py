"""Default data for a company to replace: the catalogue of plans, with its JSON Schema."""
