"""The shape of a subscription, which decides about offers (nodes/rules/eligibility.py)."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from nodes.rules.dates import months_after
from nodes.rules.eligibility import Shape, why_not
from nodes.rules.ways_to_stay import DiscountTerms, Offer, PauseTerms
from nodes.services import services
from nodes.subscriptions.by_hand import is_by_hand
from nodes.subscriptions.records import ActiveSubscription


@dataclass(frozen=True)
class _Change:
    kind: str
    at: datetime
    resumes_at: datetime | None
    finished_at: datetime


@dataclass(frozen=True)
class History:
    """What the customer accepted before. `pause_over_at`: when the last pause ended or will end."""

    offer_used: bool
    pause_over_at: datetime | None
    trial_extended: bool


async def history_of(subscription: ActiveSubscription, request_id: UUID | None = None) -> History:
    """Return the history, without the request that is being carried out."""
    of = {"user_id": subscription.user_id, "request_id": request_id}
    async with services().database.as_user(subscription.user_id) as transaction:
        changes = await transaction.all("changes_of_subscription", _Change, subscription_id=subscription.id, **of)
        [used] = await transaction.values("offer_within_its_cooldown", **of)
        [extended] = await transaction.values("trial_was_extended", **of)
    by_kind = {each.kind: each for each in changes}
    pause, resume = by_kind.get("pause"), by_kind.get("resume")
    over_at = pause.resumes_at if pause else None
    if pause and resume and resume.finished_at > pause.finished_at:
        over_at = resume.at
    return History(bool(used), over_at, bool(extended))


def reason_against(
    offer: Offer, subscription: ActiveSubscription, history: History, *, now: datetime, begun: bool = False
) -> str | None:
    """Return why the offer is not available, as a key of `REASONS`; None if it is.

    `begun`: an earlier run may have applied a part of it, such as the coupon or a schedule.
    """
    return why_not(offer.terms, offer.kind, _shape(offer, subscription, history, now=now, begun=begun))


def is_manual(subscription: ActiveSubscription) -> bool:
    """Return whether a person has a part in each change of the subscription, so that no offer is made."""
    return services().catalog.plan(subscription.plan).manual_only or is_by_hand(subscription)


def _shape(offer: Offer, subscription: ActiveSubscription, history: History, *, now: datetime, begun: bool) -> Shape:
    billed, terms = subscription.billed, offer.terms
    own = terms.coupon_id if begun and isinstance(terms, DiscountTerms) else None
    others = [each for each in billed.discounts_in_force if each.runs(now) and each.coupon_id != own]
    cooldown = terms.cooldown_months if isinstance(terms, PauseTerms) else 0
    return Shape(
        status=billed.status,
        pending=billed.pending,
        fixed_term=billed.fixed_term,
        scheduled=billed.schedule_id is not None and not begun,
        paused=billed.pause is not None,
        manual=is_manual(subscription),
        intervals=billed.intervals,
        items=len(billed.items),
        currency=billed.currency,
        discounted=bool(others) and services().settings.offer_when_discounted == "skip",
        offer_used=history.offer_used,
        pause_used=history.pause_over_at is not None and months_after(history.pause_over_at, cooldown) > now,
        trial_extended=history.trial_extended,
    )
