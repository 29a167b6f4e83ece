"""The email 14 days before a customer's data is deleted."""

from collections import Counter

from prefect import flow
from prefect.client.schemas.objects import State

from nodes.deletion.step_03_check_subscriptions import check_subscriptions
from nodes.deletion_notice.step_01_take_users_to_notify import take_users_to_notify
from nodes.deletion_notice.step_02_send_deletion_notices import send_deletion_notices
from nodes.runs.sweep import sweep


@flow(name="notify-before-deletion", persist_result=False)
async def notify_before_deletion(at_most: int | None = None) -> State[None]:
    """Write once to everyone whose data goes within 14 days, and not to a customer who came back.

    An email that is not taken goes with a later run; one that never will be holds up nothing.
    """
    async with sweep("notify-before-deletion", at_most) as run:
        totals: Counter[str] = Counter()
        while (batch := await take_users_to_notify(run.next_batch)).users:
            checked = await check_subscriptions(batch)
            notices = await send_deletion_notices(checked)
            totals.update(sent=notices.sent, refused=notices.refused, stay=len(checked.put_off))
            await run.went_through(len(batch.users), notices.failed)
        message = f"{totals['sent']} emails, {totals['refused']} refused for good; {totals['stay']} customers stay"
        await run.summarize(f"**{message}**")
    return run.state(message)
