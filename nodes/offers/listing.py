"""The offers for a subscription, in order, with what each costs, and what is in effect already (FEATURES C07, C08)."""

import asyncio
import logging
from datetime import datetime
from typing import Any, Literal

from nodes.errors import BillingFailed
from nodes.messages.customer_locale import CustomerLocale, customer_locale
from nodes.offers.charges import Charges, charges_of
from nodes.offers.counting import count_shown
from nodes.offers.options import Option, options_of
from nodes.offers.shape import history_of, reason_against
from nodes.offers.wording import billed_every, description, in_effect, preview_as_json
from nodes.rules.dates import rfc3339
from nodes.rules.ways_to_stay import Offer, link_for
from nodes.services import services
from nodes.subscriptions.records import ActiveSubscription

log = logging.getLogger(__name__)


async def offers_for(
    subscription: ActiveSubscription,
    reads: CustomerLocale | None = None,
    *,
    counted: bool = True,
    may_write: bool = True,
) -> dict[str, Any]:
    """Return the response of `GET /offers`. An offer that changes nothing is left out. Raises `BillingFailed`.

    `reads`: None: as the customer's row says. `counted`: as shown, in reports. `may_write`: False leaves out discounts
    whose coupon Stripe doesn't have yet.
    """
    if reads is None:
        async with services().database.as_user(subscription.user_id) as transaction:
            reads = await customer_locale(transaction, subscription.user_id)
    charges, history = await asyncio.gather(
        charges_of(subscription.billed, may_write=may_write), history_of(subscription)
    )
    fitting = [
        each
        for each in services().catalog.plan(subscription.plan).all_offers
        if reason_against(each, subscription, history, now=charges.now) is None
    ]
    options = await asyncio.gather(*(_options(each, charges) for each in fitting))
    found = [(each, those) for each, those in zip(fitting, options, strict=True) if those]
    ids, kinds = [each.id for each, _ in found], [each.kind for each, _ in found]
    if counted:
        await count_shown(subscription, "offers_listed", ids=ids, kinds=kinds)
    return {
        "subscription_id": subscription.id,
        "as_of": rfc3339(charges.now),
        "in_effect": _in_effect(charges, reads),
        "offers": [_offer(each, those, reads) for each, those in found],
    }


def choice_of(option: dict[str, Any]) -> dict[str, Any]:
    """Return the choice that an option of `GET /offers` stands for."""
    return {name: option[name] for name in ("months", "weeks", "price") if name in option}


async def _options(offer: Offer, charges: Charges) -> list[Option]:
    """Return the offer's options; none if Stripe refuses it, such as for a price that is gone.

    An offer that the company got wrong must not hide the others. An outage is raised.
    """
    try:
        return await options_of(offer, charges)
    except BillingFailed as error:
        if error.code is None:
            raise
        log.warning("the offer %s can't be made: %s", offer.id, error)
        return []


def _offer(offer: Offer, options: list[Option], reads: CustomerLocale) -> dict[str, Any]:
    return {
        "id": offer.id,
        "kind": offer.kind,
        "description": description(offer, reads),
        "text": offer.text(reads.locale),
        "options": [_option(each, reads) for each in options],
    }


def _option(option: Option, reads: CustomerLocale) -> dict[str, Any]:
    agreed, found = option.agreed, dict(option.choice)
    times = {"resumes_at": agreed.resumes_at, "trial_ends_at": agreed.trial_ends_at, "starts_at": agreed.starts_at}
    found |= {name: rfc3339(at) for name, at in times.items() if at}
    if agreed.resumes_at:
        found["access"] = services().settings.access_while_paused
    if agreed.new_plan:
        found["plan_name"] = services().catalog.plan(agreed.new_plan).name(reads.locale)
    if option.interval:
        found["billed"] = billed_every(option.interval, reads)
    if agreed.url:
        found["url"] = link_for(agreed.url)
    if agreed.preview:
        found["preview"] = preview_as_json(agreed.preview, reads)
    return found


def _in_effect(charges: Charges, reads: CustomerLocale) -> list[dict[str, Any]]:
    """Return a running pause, running discounts, and a scheduled change of price."""
    billed = charges.billed
    found: list[tuple[Literal["pause", "discount", "plan_change"], datetime | None]] = []
    if billed.pause:
        found.append(("pause", billed.pause.resumes_at))
    found += [("discount", each.ends_at) for each in billed.discounts_in_force if each.runs(charges.now)]
    if billed.scheduled:
        found.append(("plan_change", billed.scheduled.starts_at))
    return [
        {"kind": kind, "until": rfc3339(at) if at else None, "text": in_effect(kind, at, reads)} for kind, at in found
    ]
