"""The nodes that write to customers who left when what they missed is fixed, one Prefect task per numbered step."""
