"""Decide what a cancellation does under the plan's policy: once, before the first write (FEATURES C22, F16, F17)."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from nodes.cancellation.records import CancellationCase, CancellationRequest
from nodes.cancellation.terms import Terms, terms_in
from nodes.clients.billing.invoices import OpenInvoice
from nodes.clients.billing.objects import BillingSubscription
from nodes.invoices.refunds import refund_of
from nodes.invoices.renewals import has_renewed
from nodes.invoices.unpaid import ends_unpaid, is_voided, owes_for_period
from nodes.refusals.cancellation import PreviewExpired
from nodes.rules.cancellation_policy import DEFAULT, CancellationPolicy, Circumstances, ending_under, ends_by_policy
from nodes.rules.progress import RecoveryPoint
from nodes.rules.renewals import ROUNDING
from nodes.rules.statuses import Ending, ending_of, is_live
from nodes.services import services
from nodes.subscriptions.records import ActiveSubscription

# How long a preview can be used, by Stripe's clock.
PREVIEW_LASTS = timedelta(hours=1)


async def decided(case: CancellationCase) -> Terms:
    """Return the request's terms: as an earlier run recorded them, or decided and recorded now."""
    request, subscription = case.request, case.subscription
    if terms := terms_in(request.terms):
        return terms
    if request.reached(RecoveryPoint.CANCELLATION_SCHEDULED) or request.carried_out_by == "page":
        return _of_a_past_cancellation(subscription)
    by_policy = _policy(subscription) != DEFAULT
    as_of = await _asked_at(request, subscription.billed) if by_policy else None
    terms = await terms_for(subscription, case.paid_until, as_of)
    if by_policy:
        await record(request, terms)
    return terms


async def record(request: CancellationRequest, terms: Terms) -> None:
    """Record the terms in the request's row."""
    async with services().database.as_user(request.user_id) as transaction:
        await transaction.run("cancellation_terms", request_id=request.id, terms=terms.as_json())


async def terms_for(subscription: ActiveSubscription, paid_until: datetime, as_of: datetime | None) -> Terms:
    """Return what cancelling does. Raises `BillingFailed`.

    `paid_until`: see `CancellationCase`. `as_of`: the time by the subscription's clock from which refund and access are
    computed; None if the plan has no policy of its own.
    """
    policy, billed = _policy(subscription), subscription.billed
    found = await _open_invoices(subscription, policy)
    circumstances = await _circumstances(subscription, paid_until, found)
    ends_now = ending_under(policy, circumstances) is not Ending.AT_PERIOD_END
    refund = None
    if as_of and ends_by_policy(policy, circumstances):
        voided = sum(each.amount_remaining for each in found if is_voided(subscription, each))
        refund = await refund_of(billed, policy.refund, as_of, voided)
    access_ended_at = as_of if policy.access_ends == "now" and not ends_now else None
    return Terms(ends_now, policy != DEFAULT, access_ended_at, refund)


async def keeps_its_period(case: CancellationCase, terms: Terms) -> bool:
    """Return whether to cancel at the period's end: as decided, unless it is too late for that by now."""
    billed = case.subscription.billed
    if terms.ends_now or ending_of(billed.status) is not Ending.AT_PERIOD_END:
        return False
    return not await has_renewed(billed, case.paid_until)


async def refuse_expired_preview(request: CancellationRequest, billed: BillingSubscription) -> None:
    """Raise `PreviewExpired` if the preview was too old when the request arrived, or was for another period.

    A delay after the arrival doesn't count. Each duration is measured by one clock, as in nodes/rules/renewals.py.
    """
    if request.as_of is None:
        return
    now = await services().billing.changes.time_of(billed)
    arrived = now - request.waited
    # Stripe's servers may differ by a second.
    in_time = request.as_of - ROUNDING <= now and arrived <= request.as_of + PREVIEW_LASTS + ROUNDING
    other_period = request.as_of < billed.current_period_start <= arrived
    if other_period or not in_time:
        raise PreviewExpired


async def _asked_at(request: CancellationRequest, billed: BillingSubscription) -> datetime:
    """Return the time of the preview, else of the request, within the current period: a delay costs nothing."""
    asked_at = request.as_of or await services().billing.changes.time_of(billed) - request.waited
    return max(asked_at, billed.current_period_start)


def _of_a_past_cancellation(subscription: ActiveSubscription) -> Terms:
    """Return the terms of a cancellation that was made in Stripe or by the company's page, or under no policy."""
    policy, billed = _policy(subscription), subscription.billed
    access_ended_at = billed.canceled_at if policy.access_ends == "now" and is_live(billed.status) else None
    return Terms(not is_live(billed.status), policy != DEFAULT, access_ended_at)


def _policy(subscription: ActiveSubscription) -> CancellationPolicy:
    return services().catalog.plan(subscription.plan).cancellation


async def _open_invoices(subscription: ActiveSubscription, policy: CancellationPolicy) -> list[OpenInvoice]:
    """Return the open invoices where they decide anything."""
    decide = policy.ends == "now" or subscription.billed.status == "past_due"
    return await services().billing.invoices.open(subscription.id) if decide else []


async def _circumstances(
    subscription: ActiveSubscription, paid_until: datetime, found: Sequence[OpenInvoice]
) -> Circumstances:
    billed = subscription.billed
    if ending_of(billed.status) is not Ending.AT_PERIOD_END:
        return Circumstances(billed.status)
    return Circumstances(
        billed.status,
        fixed_term=billed.fixed_term,
        renewed=await has_renewed(billed, paid_until),
        unpaid=ends_unpaid(subscription, found),
        owes=owes_for_period(billed, found),
    )
