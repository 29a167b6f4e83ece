"""Step 4: put off the deletion for customers who came back."""

from nodes.deletion.records import Checked
from nodes.node import node, run_log
from nodes.services import services


@node("Put Off Deletion", step="4")
async def put_off_deletion(checked: Checked) -> None:
    """Postpone due jobs, and record why. A reactivation has already cancelled its own job."""
    for each in checked.put_off:
        run_log().info("user %s keeps their data until %s: %s", each.user_id, each.until, each.reason)
        if checked.dry_run:
            continue
        async with services().database.as_user(each.user_id) as transaction:
            await transaction.run("put_off_deletion", user_id=each.user_id, until=each.until, reason=each.reason)
