"""The nodes of WF-056, data deletion, one Prefect task per numbered step."""
