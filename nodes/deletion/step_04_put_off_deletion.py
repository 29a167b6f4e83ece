"""Step 4: a customer who came back keeps their data."""

from nodes.deletion.records import Checked
from nodes.node import node, run_log
from nodes.services import services


@node("Put Off Deletion", step="4")
async def put_off_deletion(checked: Checked) -> None:
    """Their due jobs are looked at again later, and say why. A reactivation cancels its job by itself."""
    for each in checked.put_off:
        run_log().info("user %s keeps their data until %s: %s", each.user_id, each.until, each.reason)
        if checked.dry_run:
            continue
        async with services().database.as_user(each.user_id) as transaction:
            await transaction.run("put_off_deletion", user_id=each.user_id, until=each.until, reason=each.reason)
