"""Step 6B: cancel in Stripe, and read the subscription back."""

from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime

from nodes.cancellation.feedback_option import with_option
from nodes.cancellation.policy import decided, keeps_its_period, record
from nodes.cancellation.records import CancellationCase, CancellationRequest, CapturedReason, ScheduledCancellation
from nodes.cancellation.terms import Terms
from nodes.clients.billing.objects import BillingSubscription
from nodes.errors import VerificationFailed
from nodes.invoices.refunds import make
from nodes.invoices.renewals import undo_renewals
from nodes.invoices.unpaid import settling, void_what_is_open
from nodes.node import node, run_log
from nodes.refusals.cancellation import CancellationTakenBack
from nodes.refusals.carriers import ActionNotSeen
from nodes.requests.carrying_out import Work, carry_out
from nodes.rules.dates import rfc3339
from nodes.rules.progress import RecoveryPoint
from nodes.rules.reasons import stripe_feedback
from nodes.rules.statuses import Ending, ending_of, is_live
from nodes.services import services
from nodes.subscriptions.read_back import settled
from nodes.subscriptions.records import ActiveSubscription


@dataclass(frozen=True)
class _Reason:
    category: str
    feedback: str | None
    feedback_option: str | None


@node("Schedule Stripe Cancellation", step="6B")
async def schedule_stripe_cancellation(reason: CapturedReason) -> ScheduledCancellation:
    """Cancel at the end of the paid period, or immediately if nothing was paid or the plan's policy says so.

    FEATURES W11, C22, C23, F17, F18.
    """
    case, request, subscription = reason.case, reason.case.request, reason.case.subscription
    terms = await decided(case)
    if request.reached(RecoveryPoint.CANCELLATION_SCHEDULED) and request.cancel_at:
        return _as_recorded(reason, request.cancel_at, terms)
    released = undone = voided = False
    if request.carried_out_by == "page":
        billed = _seen(subscription)
    else:
        released = await _release_schedule(request, subscription)
        # Once the scheduled change is dropped, the request goes on: "failed" would leave the customer at the old price.
        async with settling(request) if released and request.carried_out_by != "hook" else nullcontext():
            billed = await _end(case, terms, reason.category)
        async with settling(request):
            undone = await undo_renewals(request, billed, case.paid_until)
            voided = await void_what_is_open(request, subscription, billed) or request.invoices_voided
            terms = await _refund(request, terms)
    cancel_at = billed.cancel_at if is_live(billed.status) else billed.ended_at
    if cancel_at is None:
        raise VerificationFailed(f"Stripe gives no end for {subscription.id}")
    async with services().database.as_user(request.user_id) as transaction:
        await transaction.run(
            "cancellation_scheduled",
            request_id=request.id,
            cancel_at=cancel_at,
            stripe_request_id=billed.stripe_request_id,
        )
    run_log().info("%s ends at %s, Stripe request %s", subscription.id, rfc3339(cancel_at), billed.stripe_request_id)
    return ScheduledCancellation(case, reason.category, billed, cancel_at, released, undone, voided, terms)


def _as_recorded(reason: CapturedReason, cancel_at: datetime, terms: Terms) -> ScheduledCancellation:
    """Return what an earlier run did. Raises `CancellationTakenBack`."""
    case, request, subscription = reason.case, reason.case.request, reason.case.subscription
    _refuse_taken_back(request, subscription)
    run_log().info("already done: ends at %s", rfc3339(cancel_at))
    dropped = request.released_schedule is not None
    undone, voided = request.renewal_undone, request.invoices_voided
    return ScheduledCancellation(case, reason.category, subscription.billed, cancel_at, dropped, undone, voided, terms)


def _seen(subscription: ActiveSubscription) -> BillingSubscription:
    """Return the subscription that the company's page has cancelled. Raises `ActionNotSeen` if Stripe doesn't show it.

    As for a cancellation in Stripe's portal, nothing else is changed: no invoice and no schedule.
    """
    billed = subscription.billed
    if is_live(billed.status) and not billed.pending:
        raise ActionNotSeen
    return billed


def _refuse_taken_back(request: CancellationRequest, subscription: ActiveSubscription) -> None:
    """Raise `CancellationTakenBack` if it was revoked in Stripe's portal before the customer was notified of it."""
    billed = subscription.billed
    if is_live(billed.status) and not billed.pending and not request.reached(RecoveryPoint.FINISHED):
        raise CancellationTakenBack(subscription_id=subscription.id)


async def _release_schedule(request: CancellationRequest, subscription: ActiveSubscription) -> bool:
    """Release the subscription's schedule, with which Stripe refuses a cancellation; return whether there was one.

    Its id is recorded first, because it can't be found after the release. A hook that cancels releases it, too.
    """
    schedule_id = subscription.billed.schedule_id
    if schedule_id is None or ending_of(subscription.billed.status) is Ending.NOW:
        return request.released_schedule is not None
    async with services().database.as_user(request.user_id) as transaction:
        await transaction.run("schedule_to_release", request_id=request.id, schedule_id=schedule_id)
    if request.carried_out_by == "hook":
        return True
    release = services().billing.release_schedule(schedule_id, key=request.billing_key("6B:release"))
    await settled(release, subscription.id, done=lambda found: found.schedule_id is None)
    run_log().info("released the subscription from schedule %s", schedule_id)
    return True


async def _end(case: CancellationCase, terms: Terms, category: str) -> BillingSubscription:
    billing, request, subscription = services().billing, case.request, case.subscription
    if request.carried_out_by == "hook" and subscription.billed.pending:
        return subscription.billed  # an earlier run's hook cancelled it
    async with services().database.as_user(request.user_id) as transaction:
        [reason] = await transaction.all("reason_of_request", _Reason, request_id=request.id)
    feedback, comment, option = stripe_feedback(reason.category), reason.feedback, reason.feedback_option
    if subscription.billed.fixed_term:
        await _keep_term(request, subscription.billed)
    if await keeps_its_period(case, terms):
        key = request.billing_key
        at_end = carry_out(
            Work(request, subscription.id, "cancel", {"when": "period_end", "reason": category}),
            lambda: with_option(
                option,
                lambda sent: billing.cancel_at_period_end(
                    subscription.id,
                    feedback=feedback,
                    feedback_option=sent,
                    comment=comment,
                    key=key("6B" if sent == option else "6B:without-option"),
                ),
            ),
        )
        return await settled(at_end, subscription.id, done=lambda found: found.pending)
    if not is_live(subscription.billed.status):
        return subscription.billed  # an earlier run ended it
    now = carry_out(
        Work(request, subscription.id, "cancel", {"when": "now", "reason": category}),
        lambda: with_option(
            option,
            lambda sent: billing.cancel_now(subscription.id, feedback=feedback, feedback_option=sent, comment=comment),
        ),
    )
    return await settled(now, subscription.id, done=lambda found: not is_live(found.status))


async def _keep_term(request: CancellationRequest, billed: BillingSubscription) -> None:
    """Record when the term would have ended: Stripe replaces that date, and a reactivation has to restore it."""
    async with services().database.as_user(request.user_id) as transaction:
        await transaction.run("term_replaced", request_id=request.id, term_ends_at=billed.cancel_at)


async def _refund(request: CancellationRequest, terms: Terms) -> Terms:
    """Make the refund that was decided; return the terms with its credit notes."""
    if terms.refund is None:
        return terms
    return terms.with_refund(await make(request, terms.refund, lambda made: record(request, terms.with_refund(made))))
