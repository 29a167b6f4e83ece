"""The nodes that write to a customer before their data is deleted, one Prefect task a numbered step."""
