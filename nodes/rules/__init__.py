"""Pure decisions: offers, dates, statuses. The standard library and nothing else."""
