"""Step 5: what a customer wrote goes at Stripe too, while our rows still know where it is."""

from dataclasses import replace

from nodes.deletion.records import Checked, Over
from nodes.node import node, run_log
from nodes.runs.each import for_each
from nodes.subscriptions.comments import clear_comments_of_user


@node("Clear Comments", step="5")
async def clear_comments(checked: Checked) -> Checked:
    """Usually `anonymize_feedback` was here first. A user for whom Stripe fails keeps all, until the next run."""
    if checked.dry_run:
        return checked

    async def clear(over: Over) -> str:
        await clear_comments_of_user(over.user_id)
        return over.user_id

    cleared, failed = await for_each(checked.over, clear, user_of=lambda over: over.user_id)
    run_log().info("%s users have no comment at Stripe", len(cleared))
    over = [each for each in checked.over if each.user_id in set(cleared)]
    return replace(checked, over=over, failed=checked.failed | failed)
