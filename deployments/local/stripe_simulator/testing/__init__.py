"""What tests control: the clock, faults, customers in bulk, and what people do in the portal and the dashboard."""
