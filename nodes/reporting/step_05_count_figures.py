"""Step 5: the month's figures, from the views."""

from datetime import date

from nodes.node import node
from nodes.reporting.figures import Report
from nodes.services import services


@node("Count Figures", step="5")
async def count_figures(month: date) -> Report:
    """Counts and rates across all customers, and no one's row (FEATURES W34, W36 to W38, F10)."""
    return await services().database.report(month)
