"""The nodes that make feedback anonymous after 90 days, one Prefect task a numbered step."""
