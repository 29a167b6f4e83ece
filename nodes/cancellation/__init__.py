"""The nodes of WF-023, one Prefect task per numbered step."""
