"""Step 8: record the subscription's end, start data retention, and put email and event in the outbox."""

from uuid import UUID

from nodes.clients.database.client import Transaction
from nodes.errors import VerificationFailed
from nodes.messages.outbox import ENDED, ENDED_EVENT, NEVER_STARTED
from nodes.messages.webhooks import put_webhooks
from nodes.node import node, run_log
from nodes.rules.dates import data_retention_until, rfc3339
from nodes.rules.stripe_changes import is_known_reason, kind_of_end
from nodes.services import services
from nodes.stripe_events.records import Ended, Happened

# A subscription that never started has no data to keep.
WITHOUT_DATA = ("never_started",)
EMAILS = {"payment_failed": ENDED, "payment_disputed": ENDED, "neutral": ENDED, "never_started": NEVER_STARTED}


@node("Record End", step="8")
async def record_end(happened: Happened) -> Ended:
    """Record the end once per subscription (FEATURES N02, N03). An announced cancellation gets no second email."""
    seen = happened.seen
    billed = seen.billed
    if billed.ended_at is None:
        raise VerificationFailed(f"Stripe gives no end for {billed.id}")
    kind = kind_of_end(billed.status, billed.end_reason)
    async with services().database.as_user(seen.user_id) as transaction:
        found = await transaction.values(
            "record_end",
            user_id=seen.user_id,
            subscription_id=billed.id,
            kind=kind,
            stripe_reason=billed.end_reason,
            ended_at=billed.ended_at,
        )
        if found:
            await _follow(transaction, happened, found[0], kind)
        else:
            found = await transaction.values("end_of_subscription", subscription_id=billed.id)
    known = kind == "never_started" or is_known_reason(billed.end_reason)
    if not known:
        run_log().error("%s ended for an unknown reason: %s", billed.id, billed.end_reason)
    run_log().info("%s ended at %s: %s", billed.id, rfc3339(billed.ended_at), kind)
    kept = None if kind in WITHOUT_DATA else data_retention_until(billed.ended_at)
    return Ended(found[0], seen.user_id, billed.id, seen.plan, kind, billed.ended_at, kept, known)


async def _follow(transaction: Transaction, happened: Happened, end_id: UUID, kind: str) -> None:
    billed, user_id = happened.seen.billed, happened.seen.user_id
    ended_at = billed.ended_at
    assert ended_at is not None  # noqa: S101
    clock = {"cancel_at": ended_at, "run_at": data_retention_until(ended_at)}
    announced = await transaction.run("set_retention_clock", subscription_id=billed.id, **clock)
    if not announced and kind not in WITHOUT_DATA:
        await transaction.run(
            "schedule_data_retention", request_id=end_id, user_id=user_id, subscription_id=billed.id, **clock
        )
    await transaction.run("put_in_outbox", request_id=end_id, user_id=user_id, kind=ENDED_EVENT)
    await put_webhooks(transaction, end_id)
    email = EMAILS.get(kind)
    if email and not (announced and kind == "neutral"):
        await transaction.run("put_in_outbox", request_id=end_id, user_id=user_id, kind=email)
