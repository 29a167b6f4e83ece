"""Offers as customers read them, in the English of every page and email."""

from datetime import datetime
from typing import Any

from email_templates.dates import long_date
from email_templates.money import money
from nodes.messages.customer_locale import CustomerLocale
from nodes.offers.agreed import Preview
from nodes.rules.dates import rfc3339
from nodes.rules.offers import ENTITLEMENTS
from nodes.rules.ways_to_stay import DiscountTerms, LinkTerms, Offer, PauseTerms, PlanChangeTerms, TrialTerms


def description(offer: Offer, reads: CustomerLocale) -> str:
    """Return what the offer is: `50% off for 3 months`, `Pause billing for 1 to 3 months`."""
    match offer.terms:
        case DiscountTerms() as terms:
            return discount(terms, reads)
        case PauseTerms() as terms:
            return f"Pause billing for {_count(terms.least, terms.most, terms.unit)}"
        case PlanChangeTerms() as terms:
            return "Change your plan" + (" at the end of the period" if terms.when == "period_end" else " now")
        case TrialTerms() as terms:
            return f"{_plural(terms.days, 'more day')} of trial"
        case LinkTerms() as terms:
            return "Talk to us" if terms.kind == "contact" else "See what may help"


def discount(terms: DiscountTerms, reads: CustomerLocale) -> str:
    """Return a discount's terms: `50% off for 3 months`, `$5.00 off your next invoice`."""
    if terms.percent_off is not None:
        off = f"{terms.percent_off:g}% off"
    else:
        off = f"{money(terms.amount_off or 0, terms.currency or '', reads.locale)} off"
    lasts = {"once": "your next invoice", "forever": "every invoice"}.get(terms.duration)
    extra = "".join(f" and {ENTITLEMENTS[each]}" for each in terms.entitlements)
    return f"{off} {lasts or 'for ' + _plural(terms.months or 0, 'month')}{extra}"


def preview_as_json(preview: Preview, reads: CustomerLocale) -> dict[str, Any]:
    """Return a preview for the API: each amount in minor units, and as the customer reads it."""

    def amount(of: int | None) -> dict[str, Any] | None:
        if of is None:
            return None
        return {"amount": of, "currency": preview.currency, "formatted": money(of, preview.currency, reads.locale)}

    def at(time: datetime | None) -> str | None:
        return rfc3339(time) if time else None

    return {
        "charged_now": amount(preview.charged_now),
        "next_charge": amount(preview.next_charge),
        "next_charge_at": at(preview.next_charge_at),
        "price_again": amount(preview.price_again),
        "price_again_at": at(preview.price_again_at),
        "saved": amount(preview.saved),
        "saved_until": at(preview.saved_until),
        "text": _sentence(preview, reads),
    }


def _sentence(preview: Preview, reads: CustomerLocale) -> str:
    def paid(amount: int) -> str:
        return money(amount, preview.currency, reads.locale)

    def on(time: datetime) -> str:
        return long_date(time, reads.locale, reads.time_zone)

    now = f"You pay {paid(preview.charged_now)} now." if preview.charged_now > 0 else "You pay nothing now."
    if preview.charged_now < 0:
        now += f" We credit {paid(-preview.charged_now)} to your next invoices."
    said = [now, f"Your next charge is {paid(preview.next_charge)} on {on(preview.next_charge_at)}."]
    if preview.price_again is not None and preview.price_again_at is not None:
        said.append(f"From {on(preview.price_again_at)} you pay {paid(preview.price_again)} again.")
    return " ".join(said)


def _plural(count: int, unit: str) -> str:
    return f"{count} {unit}{'' if count == 1 else 's'}"


def _count(least: int, most: int, unit: str) -> str:
    return _plural(most, unit) if least == most else f"{least} to {_plural(most, unit)}"
