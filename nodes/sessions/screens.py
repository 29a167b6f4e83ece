"""What a session's page shows: decided from its row, its blueprint and the subscription in Stripe."""

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from nodes.messages.customer_locale import CustomerLocale
from nodes.offers.listing import offers_for
from nodes.refusals.cancellation import NoActiveSubscription
from nodes.refusals.requests import SeveralSubscriptions
from nodes.rules.blueprints.blueprint import CONFIRM, Step
from nodes.rules.blueprints.screens import Screen, next_screen
from nodes.rules.statuses import is_live
from nodes.services import services
from nodes.sessions.blueprints import Chosen, blueprint_of
from nodes.sessions.claims import DynamicOffers
from nodes.sessions.records import Session
from nodes.subscriptions.find import find_subscription
from nodes.subscriptions.records import ActiveSubscription

log = logging.getLogger(__name__)

State = Literal["choose", "gone", "pending", "paused", "discounted", "step"]


@dataclass(frozen=True)
class Shown:
    """A screen. Of its fields, each state has its own.

    `choices`: the subscriptions to choose from. `until`: of the pause, the discount or the pending cancellation.
    `place`: of the step in the blueprint. `offers`: as `GET /offers` returns them; `as_of`: their time.
    """

    state: State
    subscription: ActiveSubscription | None = None
    chosen: Chosen | None = None
    choices: tuple[dict[str, Any], ...] = ()
    until: datetime | None = None
    place: int = 0
    step: Step = CONFIRM
    offers: tuple[dict[str, Any], ...] = ()
    as_of: str | None = None


async def screen_of(session: Session, reads: CustomerLocale | None) -> Shown:
    """Return the screen that comes next. Raises `BillingFailed` if the subscription can't be read.

    `reads`: None leaves out the offers, which take many calls to Stripe: a step with offers then comes without them.
    """
    try:
        subscription = await find_subscription(session.user_id, session.subscription_id)
    except SeveralSubscriptions as several:
        return Shown("choose", choices=tuple(several.extensions["subscriptions"]))
    except NoActiveSubscription:
        return Shown("gone")
    if not is_live(subscription.billed.status):
        return Shown("gone", subscription, until=subscription.billed.ended_at)
    if subscription.billed.pending:
        return Shown("pending", subscription, until=_ends_at(subscription))
    chosen = await blueprint_of(session)
    return _in_effect(session, subscription, chosen) or await _step(session, subscription, chosen, reads)


def _ends_at(subscription: ActiveSubscription) -> datetime:
    return subscription.billed.cancel_at or subscription.billed.current_period_end


def _in_effect(session: Session, subscription: ActiveSubscription, chosen: Chosen) -> Shown | None:
    """Return the notice of a running pause or discount, until the customer has read it (FEATURES C07, C08)."""
    billed, claims, read = subscription.billed, session.claims, session.so_far.noticed
    if billed.pause and not claims.bypass_pause_applied_screen and "paused" not in read:
        return Shown("paused", subscription, chosen, until=billed.pause.resumes_at)
    running = [each for each in billed.discounts_in_force if each.runs(billed.read_at)]
    if running and not claims.bypass_discount_applied_screen and "discounted" not in read:
        return Shown("discounted", subscription, chosen, until=running[0].ends_at)
    return None


async def _step(
    session: Session, subscription: ActiveSubscription, chosen: Chosen, reads: CustomerLocale | None
) -> Shown:
    blueprint, passed = chosen.blueprint, session.so_far.passed
    catalog_offers = services().catalog.plan(subscription.plan).all_offers
    # Offers cost calls to Stripe, so they are read only if one could be next.
    screen = next_screen(blueprint, passed, {each.id: each.kind for each in catalog_offers})
    if screen is None or screen.step.kind != "offer" or reads is None:
        return _shown(screen, subscription, chosen)
    offers, as_of = await offers_of(session, subscription, reads)
    screen = next_screen(blueprint, passed, {each["id"]: each["kind"] for each in offers})
    shown = {each["id"]: each for each in offers}
    fitting = tuple(shown[each] for each in screen.offers) if screen else ()
    return _shown(screen, subscription, chosen, fitting, as_of)


def _shown(
    screen: Screen | None,
    subscription: ActiveSubscription,
    chosen: Chosen,
    offers: tuple[dict[str, Any], ...] = (),
    as_of: str | None = None,
) -> Shown:
    place, step = (screen.place, screen.step) if screen else (len(chosen.blueprint.steps), CONFIRM)
    return Shown("step", subscription, chosen, place=place, step=step, offers=offers, as_of=as_of)


async def offers_of(
    session: Session, subscription: ActiveSubscription, reads: CustomerLocale
) -> tuple[list[dict[str, Any]], str | None]:
    """Return the offers that are available now; none if they can't be read (FEATURES F28)."""
    try:
        claims = session.claims
        counted = claims.report and not claims.preview
        found = await offers_for(subscription, reads, counted=counted, may_write=not claims.preview)
    except Exception as error:  # whatever is wrong with offers, the customer can cancel
        log.warning("session %s: no offers can be shown: %s", session.id, type(error).__name__)
        return [], None
    return _as_the_token_says(found["offers"], session.claims.dynamic_offers, subscription), found["as_of"]


def _as_the_token_says(
    offers: list[dict[str, Any]], dynamic: DynamicOffers, subscription: ActiveSubscription
) -> list[dict[str, Any]]:
    """Return the offers that the token leaves: one coupon's discounts, and only its prices (FEATURES C13, C14).

    A coupon that none of the catalogue's discounts has is ignored, so that the catalogue's count.
    """
    if dynamic.discount:
        wanted = _with_coupon(subscription, dynamic.discount.coupon_id)
        if not any(each["id"] in wanted for each in offers):
            log.warning("no available discount has the coupon that the session's token names")
        else:
            offers = [each for each in offers if each["kind"] != "discount" or each["id"] in wanted]
    if dynamic.plan_change:
        prices = dynamic.plan_change.plan_ids
        offers = [
            each | {"options": [o for o in each["options"] if each["kind"] != "plan_change" or o["price"] in prices]}
            for each in offers
        ]
    return [each for each in offers if each["options"]]


def _with_coupon(subscription: ActiveSubscription, coupon_id: str) -> set[str]:
    found = services().catalog.plan(subscription.plan).all_offers
    return {each.id for each in found if getattr(each.terms, "coupon_id", None) == coupon_id}
