"""The nodes of WF-023, one Prefect task a numbered step."""
