"""Step 1: take the customers with a fix's tag about whom nothing is decided yet."""

from nodes.node import node, run_log
from nodes.services import services
from nodes.win_back.records import Batch, Selection, Tagged


@node("Take Customers", step="1")
async def take_customers(selection: Selection) -> Batch:
    """Return a page of customers, by id; none once all are done. Each is claimed only when it is written to."""
    async with services().database.without_user() as transaction:
        found = await transaction.all("win_backs_after", Tagged, **vars(selection))
    run_log().info("%s customers", len(found))
    return Batch(found, selection.dry_run)


async def count_customers(selection: Selection) -> int:
    """Return the number of these customers, for a progress bar."""
    async with services().database.without_user() as transaction:
        [count] = await transaction.values("count_win_backs", tag=selection.tag, dry_run=selection.dry_run)
    return int(count)
