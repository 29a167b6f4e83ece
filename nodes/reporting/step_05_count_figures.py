"""Step 5: compute the month's figures from the views."""

from datetime import date

from nodes.node import node
from nodes.reporting.figures import Report
from nodes.services import services


@node("Count Figures", step="5")
async def count_figures(month: date) -> Report:
    """Return counts and rates across all customers, without any customer's row (FEATURES W34, W36 to W38, F10)."""
    return await services().database.report(month)
