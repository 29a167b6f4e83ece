"""The context of a run: what Prefect shows of it, and the fallback without Prefect."""
