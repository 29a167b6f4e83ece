"""What surrounds a run: how Prefect shows it, and how it goes on where Prefect is away."""
