"""Pure business rules: offers, dates, statuses. Standard library only."""
