"""The soak: the promise under load and faults chosen by chance, for as long as a person asks."""
