"""The nodes that anonymize feedback after 90 days, one Prefect task per numbered step."""
