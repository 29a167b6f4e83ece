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
    """Email every customer once whose data is deleted within 14 days, except those whose deletion is put off.

    An email that the mail server doesn't accept is sent by a later run; an undeliverable one doesn't delay the others.
    """
    async with sweep("notify-before-deletion", at_most) as run:
        totals: Counter[str] = Counter()
        while (batch := await take_users_to_notify(run.next_batch)).users:
            checked = await check_subscriptions(batch)
            notices = await send_deletion_notices(checked)
            totals.update(sent=notices.sent, refused=notices.refused, stay=len(checked.put_off))
            await run.went_through(len(batch.users), notices.failed)
        message = f"{totals['sent']} emails, {totals['refused']} undeliverable; {totals['stay']} put off"
        await run.summarize(f"**{message}**")
    return run.state(message)
