"""Step 4: store final figures, because the rows behind them are deleted after 90 days."""

from datetime import date

from nodes.node import node, run_log
from nodes.services import services


@node("Close Final Figures", step="4")
async def close_final_figures(months: list[date], *, payments_complete: bool) -> dict[date, list[str]]:
    """Close the final figures of these months, and return the newly closed ones. A closed figure never changes.

    Figures that count payments are closed only if `payments_complete`: every one was read from Stripe.
    """
    database = services().database
    closed = {month: await database.close_figures(month, payments_complete=payments_complete) for month in months}
    for month, figures in closed.items():
        if figures:
            run_log().info("%s closed: %s", f"{month:%Y-%m}", ", ".join(figures))
    return closed
