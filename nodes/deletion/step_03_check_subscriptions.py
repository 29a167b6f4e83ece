"""Step 3: check in Stripe whether a customer came back."""

from nodes.deletion.last_look import last_look
from nodes.deletion.records import Batch, Checked, Over, PutOff
from nodes.node import node, run_log
from nodes.runs.each import for_each


@node("Check Subscriptions", step="3")
async def check_subscriptions(batch: Batch) -> Checked:
    """Read every subscription of each user from Stripe. A user who can't be checked is left for the next run."""

    async def look(user_id: str) -> Over | PutOff:
        return await last_look(user_id, ahead=batch.ahead)

    looks, failed = await for_each(batch.users, look, user_of=lambda user_id: user_id)
    over = [look for look in looks if isinstance(look, Over)]
    put_off = [look for look in looks if isinstance(look, PutOff)]
    run_log().info("%s to delete, %s to keep, %s not checked", len(over), len(put_off), len(failed))
    return Checked(over, put_off, failed, batch.dry_run)
