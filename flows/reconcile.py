"""Compare Postgres with Stripe: heal what is unambiguous, and report the rest to an operator."""

import asyncio
from collections.abc import AsyncIterator

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from nodes.clients.billing.objects import Page
from nodes.clients.database.client import SubscriptionState
from nodes.errors import CancelflowError
from nodes.reconciliation.findings import Findings, Line
from nodes.reconciliation.step_01_list_stripe_subscriptions import list_stripe_subscriptions
from nodes.reconciliation.step_02_compare_with_rows import compare_with_rows
from nodes.reconciliation.step_03_heal_row import heal_row
from nodes.reconciliation.step_04_list_rows_not_seen import list_rows_not_seen
from nodes.runs.display import Progress, close_stale_runs, show, table
from nodes.services import services_of_this_run

# Stripe allows 100 reads a second per account, and customers' requests have priority.
PAUSE_SECONDS = 0.1
# A report with more ids is of no use to its readers.
IDS_SHOWN = 200
# The flows whose runs stay open if a trigger dies.
RUN_BY_TRIGGERS = (
    *("cancel-subscription", "reactivate-subscription", "handle-stripe-event", "ask-for-reason", "remind-of-change"),
    *("accept-discount", "pause-subscription", "resume-subscription", "change-plan", "extend-trial", "choose-link"),
)


@flow(name="reconcile", persist_result=False)
async def reconcile(dry_run: bool = False) -> State[None]:
    """Compare all live subscriptions, in Stripe and here, and repair what a lost webhook left undone.

    `dry_run` reports what would change, and changes nothing.
    """
    async with services_of_this_run():
        findings, progress = Findings(dry_run), Progress("reconcile-progress")
        async for page in _pages():
            await _heal(await compare_with_rows(page, findings), findings)
            await progress.reached(f"{len(findings.seen)} Stripe subscriptions compared")
        async for rows in _rows_not_seen(findings):
            await _heal(rows, findings)
        await close_stale_runs(*RUN_BY_TRIGGERS)
        await progress.done(findings.summary())
        await show("reconciliation", _as_markdown(findings), "Differences between Stripe and Postgres")
    return Completed(message=findings.summary())


async def _pages() -> AsyncIterator[Page]:
    after: str | None = None
    while True:
        page = await list_stripe_subscriptions(after)
        yield page
        if (after := page.next) is None:
            return
        await asyncio.sleep(PAUSE_SECONDS)


async def _rows_not_seen(findings: Findings) -> AsyncIterator[list[SubscriptionState]]:
    after: str | None = ""
    while after is not None:
        not_seen = await list_rows_not_seen(after, findings)
        yield not_seen.rows
        after = not_seen.last


async def _heal(rows: list[SubscriptionState], findings: Findings) -> None:
    for row in rows:
        try:
            await heal_row(row, findings)
        except CancelflowError as error:  # reported for this row, so that the others are still compared
            findings.for_operator.append(Line(row.id, str(error), "run it again"))
        await asyncio.sleep(PAUSE_SECONDS)


def _as_markdown(findings: Findings) -> str:
    lines = [(each.subscription_id, each.what, each.done) for each in findings.for_operator + findings.healed]
    unknown = [(each, "in Stripe, no row here", "nothing, if others use this account") for each in findings.unknown]
    shown = (lines + unknown)[:IDS_SHOWN]
    more = len(lines) + len(unknown) - len(shown)
    return "\n\n".join(
        [
            findings.summary() + ("; this was a dry run" if findings.dry_run else ""),
            table(("subscription", "what", "done, or to do"), shown),
            *([f"… and {more} more"] if more else []),
        ]
    )
