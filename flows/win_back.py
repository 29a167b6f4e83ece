"""The email to customers who left, once what they missed is fixed (FEATURES N08)."""

from collections import Counter
from uuid import UUID

from prefect import flow
from prefect.client.schemas.objects import State

from nodes.runs.display import table
from nodes.runs.sweep import sweep
from nodes.services import services
from nodes.win_back.message import way_to_subscribe_again
from nodes.win_back.records import Selection
from nodes.win_back.step_01_take_customers import count_customers, take_customers
from nodes.win_back.step_02_check_customers import check_customers
from nodes.win_back.step_03_write_to_customers import write_to_customers


@flow(name="win-back", persist_result=False)
async def win_back(tag: str | None = None, dry_run: bool = True, at_most: int | None = None) -> State[None]:
    """Write once to each customer of a fix that was shipped, or of every fix; a dry run counts and changes nothing.

    A killed run writes to nobody twice, and the next run continues. `at_most` limits the customers of this run.
    """
    async with sweep("win-back", at_most) as run:
        outcomes: Counter[str] = Counter()
        after: UUID | None = None
        due = await count_customers(Selection(tag, dry_run))
        if due and not dry_run:
            way_to_subscribe_again(services().settings)
        await run.expect(due)
        while (batch := await take_customers(Selection(tag, dry_run, run.next_batch, after))).customers:
            written = await write_to_customers(await check_customers(batch))
            outcomes.update(written.decided)
            after = batch.customers[-1].id
            await run.went_through(len(batch.customers), written.failed)
        message = _summary(outcomes, dry_run)
        counts = [(outcome, str(customers)) for outcome, customers in outcomes.most_common()]
        await run.summarize(f"**{message}**\n\n{table(('outcome', 'customers'), counts)}")
    return run.state(message)


def _summary(outcomes: Counter[str], dry_run: bool) -> str:
    written = outcomes["written"]
    return f"{'would write' if dry_run else 'wrote'} to {written} customers; not to {outcomes.total() - written}"
