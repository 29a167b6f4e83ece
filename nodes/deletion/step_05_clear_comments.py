"""Step 5: clear the customer's comments in Stripe, while our rows still say where they are."""

from dataclasses import replace

from nodes.deletion.records import Checked, Over
from nodes.node import node, run_log
from nodes.runs.each import for_each
from nodes.subscriptions.comments import clear_comments_of_user


@node("Clear Comments", step="5")
async def clear_comments(checked: Checked) -> Checked:
    """Clear comments that `anonymize_feedback` has not cleared. If Stripe fails, the user is left for the next run."""
    if checked.dry_run:
        return checked

    async def clear(over: Over) -> str:
        await clear_comments_of_user(over.user_id)
        return over.user_id

    cleared, failed = await for_each(checked.over, clear, user_of=lambda over: over.user_id)
    run_log().info("cleared the comments of %s users in Stripe", len(cleared))
    over = [each for each in checked.over if each.user_id in set(cleared)]
    return replace(checked, over=over, failed=checked.failed | failed)
