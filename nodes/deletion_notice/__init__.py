"""The nodes that email customers before their data is deleted, one Prefect task per numbered step."""
