"""The steps and offers of a session of the React component, which gets all of them at the start."""

import logging
from dataclasses import dataclass
from typing import Any

from nodes.clients.billing.changes import RecurringPrice
from nodes.errors import BillingFailed
from nodes.messages.customer_locale import CustomerLocale
from nodes.refusals.cancellation import SubscriptionAlreadyPending
from nodes.rules.blueprints.planned_steps import PlannedStep, planned_steps
from nodes.rules.ways_to_stay import Offer
from nodes.services import services
from nodes.sessions.blueprints import Chosen, blueprint_of
from nodes.sessions.component import list_options, options_for
from nodes.sessions.records import Session
from nodes.sessions.screens import offers_of
from nodes.subscriptions.find import find_subscription, refuse_ended
from nodes.subscriptions.records import ActiveSubscription

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ShownOffer:
    """An offer, with what the component shows of it. `listed`: as `GET /offers` returns it.

    `option`: the one that the component can show. `price`, `quantity`: that a change of plan leads to.
    """

    offer: Offer
    listed: dict[str, Any]
    option: dict[str, Any]
    price: RecurringPrice | None = None
    quantity: int = 1


@dataclass(frozen=True)
class ComponentFlow:
    """The flow. `session`: with the options that were listed. `offers`: those in the steps, by id."""

    session: Session
    subscription: ActiveSubscription
    chosen: Chosen
    steps: list[PlannedStep]
    offers: dict[str, ShownOffer]


async def component_flow(session: Session, reads: CustomerLocale, *, again: bool = True) -> ComponentFlow:
    """Return the flow as it is now, and record its options as the session's. `again`: see `list_options`.

    Raises `BillingFailed`, `NoActiveSubscription`, `SeveralSubscriptions` and `SubscriptionAlreadyPending`.
    """
    subscription = await find_subscription(session.user_id, session.subscription_id)
    refuse_ended(subscription)
    if subscription.billed.pending:
        raise SubscriptionAlreadyPending(subscription_id=subscription.id)
    chosen = await blueprint_of(session)
    found, as_of = await offers_of(session, subscription, reads)
    terms = {each.id: each for each in services().catalog.plan(subscription.plan).all_offers}
    prices = await _prices(found)
    quantity = subscription.billed.items[0].quantity
    showable = [shown for each in found if (shown := _shown(terms[each["id"]], each, prices, quantity))]
    steps = planned_steps(chosen.blueprint, {each.offer.id: each.offer.kind for each in showable})
    wanted = {offer for step in steps for offer in (step.offer, *step.by_reason.values())}
    offers = {each.offer.id: each for each in showable if each.offer.id in wanted}
    options = options_for([each.listed for each in offers.values()], terms, as_of)
    session = await list_options(session, options, again=again)
    return ComponentFlow(session, subscription, chosen, steps, offers)


async def _prices(offers: list[dict[str, Any]]) -> dict[str, RecurringPrice]:
    """Return the price that each change of plan shows; none if they can't be read (FEATURES F28)."""
    ids = [each["options"][0]["price"] for each in offers if each["kind"] == "plan_change"]
    try:
        return {each.id: each for each in await services().billing.changes.prices(ids)} if ids else {}
    except BillingFailed as error:
        log.warning("no change of plan can be shown: %s", error)
        return {}


def _shown(
    offer: Offer, listed: dict[str, Any], prices: dict[str, RecurringPrice], quantity: int | None
) -> ShownOffer | None:
    """Return the offer with the option that the component shows truthfully; None if there is none.

    Version 0.1.2 lets the customer choose among the months up to the offer's, and among its plans, but then sends the
    offer's months and its first plan, whatever was chosen. It shows weeks as months and three months as one, and can't
    show tiers or metered use.
    """
    options: list[dict[str, Any]] = listed["options"]
    if offer.kind == "pause":
        month = next((each for each in options if each.get("months") == 1), None)
        return ShownOffer(offer, listed, month) if month else None
    if offer.kind == "plan_change":
        price = prices.get(options[0]["price"])
        if price is None or price.amount is None or price.interval[1] != 1 or quantity is None:
            return None
        return ShownOffer(offer, listed, options[0], price, quantity)
    return ShownOffer(offer, listed, options[0])
