"""The soak test: the promise under load and random faults, for any length of time."""
