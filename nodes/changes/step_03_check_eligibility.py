"""Step 3: check that the offer still fits, immediately before the first write, and decide what is to be done."""

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from nodes.changes.by_page import made_by_page
from nodes.changes.in_effect import is_in_effect
from nodes.changes.records import Accepted, ChangeCase
from nodes.errors import ConstraintViolated
from nodes.node import node, run_log
from nodes.offers.agreed import Agreed, agreed_in
from nodes.offers.charges import Charges, charges_of
from nodes.offers.from_stripe import next_charge
from nodes.offers.options import options_of
from nodes.offers.plan_changes import prices_for
from nodes.offers.reservation import ONE_OFFER, reserve
from nodes.offers.shape import History, history_of, is_manual, reason_against
from nodes.refusals.base import Refusal
from nodes.refusals.changes import DurationNotOffered, OfferNotAvailable, OfferNotFound, PriceNotOffered
from nodes.rules.eligibility import REASONS
from nodes.rules.texts import translatable as _
from nodes.rules.ways_to_stay import Offer, PauseTerms, PlanChangeTerms, link_for
from nodes.services import services
from nodes.subscriptions.records import ActiveSubscription

# How long the preview that a customer was shown can be accepted, by Stripe's clock.
PREVIEW_LASTS = timedelta(hours=1)


@node("Check Eligibility", step="3")
async def check_eligibility(case: ChangeCase) -> Accepted:
    """Check the offer against the subscription as it is now (FEATURES U07, U08), and record what it does and costs.

    A later run does what was recorded, unless the offer no longer fits and nothing of it is in Stripe.
    """
    request, billed = case.request, case.subscription.billed
    agreed = agreed_in(request.agreed)
    if agreed and (request.reached("applied") or is_in_effect(request.kind, agreed, billed)):
        run_log().info("agreed before")
        return Accepted(case, agreed)
    if request.carried_out_by == "page" and request.kind not in ("contact", "redirect"):
        agreed = await made_by_page(case)
    elif request.offer_id is None:
        agreed = await _resumption(case)
    else:
        agreed = await _accepted(case, await charges_of(billed), agreed)
    await _record(case, agreed)
    return Accepted(case, agreed)


async def _resumption(case: ChangeCase) -> Agreed:
    billed = case.subscription.billed
    if is_manual(case.subscription):
        raise _unavailable("manual")
    if billed.pause is None:
        raise _unavailable("not_paused")
    charges = await charges_of(replace(billed, pause=None))
    # None while a cancellation is pending: no charge follows.
    return Agreed(charges.now, await next_charge(charges))


async def _accepted(case: ChangeCase, charges: Charges, agreed: Agreed | None) -> Agreed:
    request, subscription = case.request, case.subscription
    offer = _offer(subscription, request.offer_id)
    history = await history_of(subscription, request.id)
    choice = dict(request.choice)
    if shown := choice.pop("as_of", None):
        as_of = datetime.fromisoformat(shown)
        # Within an hour and the same period, so that the customer gets exactly what they were shown.
        if not subscription.billed.current_period_start <= as_of <= charges.now <= as_of + PREVIEW_LASTS:
            raise _unavailable("preview_expired", subscription, history, charges.now)
        charges = charges.as_of(as_of)
    if reason := reason_against(offer, subscription, history, now=charges.now, begun=agreed is not None):
        raise _unavailable(reason, subscription, history, charges.now)
    if agreed:
        return agreed
    if choice and not isinstance(offer.terms, PauseTerms | PlanChangeTerms):
        raise DurationNotOffered(_("This offer takes no months, weeks or price"))
    options = await options_of(offer, charges, only=choice)
    if options:
        return _of_request(options[0].agreed, request.id)
    raise await _why_no_option(offer, choice, subscription, history, charges)


def _of_request(agreed: Agreed, request_id: UUID) -> Agreed:
    """Return it with what names the request: the coupon for one customer, or the link by which a booking comes back."""
    if agreed.single_use:
        return replace(agreed, coupon_id=f"cancelflow-{request_id}")
    return replace(agreed, url=link_for(agreed.url, request_id)) if agreed.url else agreed


def _offer(subscription: ActiveSubscription, offer_id: str | None) -> Offer:
    offers = services().catalog.plan(subscription.plan).all_offers
    if found := next((each for each in offers if each.id == offer_id), None):
        return found
    raise OfferNotFound


async def _why_no_option(
    offer: Offer, choice: dict[str, object], subscription: ActiveSubscription, history: History, charges: Charges
) -> Refusal:
    if isinstance(offer.terms, PauseTerms):
        unit, least, most = offer.terms.unit, offer.terms.least, offer.terms.most
        length = choice.get(f"{unit}s")
        if len(choice) != 1 or not isinstance(length, int) or not least <= length <= most:
            return DurationNotOffered(f"{unit}s must be from {least} to {most}", least=least, most=most, unit=unit)
    elif isinstance(offer.terms, PlanChangeTerms):
        return PriceNotOffered(prices=[each.id for each in await prices_for(offer.terms, charges)])
    others = await options_of(offer, charges)
    return _unavailable("changes_nothing", subscription, history, charges.now, without=None if others else offer)


def _unavailable(
    reason: str,
    subscription: ActiveSubscription | None = None,
    history: History | None = None,
    now: datetime | None = None,
    without: Offer | None = None,
) -> OfferNotAvailable:
    """Return the refusal with the offers that hold now."""
    offers = []
    if subscription and history and now:
        every = services().catalog.plan(subscription.plan).all_offers
        offers = [
            each.id
            for each in every
            if each != without and reason_against(each, subscription, history, now=now) is None
        ]
    return OfferNotAvailable(f"This offer is not available: {REASONS[reason]}", reason=reason, offers=offers)


async def _record(case: ChangeCase, agreed: Agreed) -> None:
    request, subscription = case.request, case.subscription
    try:
        async with services().database.as_user(request.user_id) as transaction:
            if request.kind == "discount":
                await reserve(transaction, request.id, request.user_id, subscription.id, subscription.plan, agreed)
            await transaction.run("change_agreed", request_id=request.id, agreed=agreed.as_json())
    except ConstraintViolated as violated:
        if violated.constraint == ONE_OFFER:
            raise _unavailable("used_before") from None
        raise
