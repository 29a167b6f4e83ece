"""Offers as customers read them, in their language."""

from datetime import datetime
from typing import Any, Literal

from email_templates.dates import long_date
from email_templates.money import money, percentage
from email_templates.translations import Language
from nodes.messages.customer_locale import CustomerLocale
from nodes.offers.agreed import Preview
from nodes.rules.dates import rfc3339
from nodes.rules.eligibility import Interval
from nodes.rules.offers import Fate
from nodes.rules.ways_to_stay import DiscountTerms, LinkTerms, Offer, PauseTerms, PlanChangeTerms, TrialTerms


def description(offer: Offer, reads: CustomerLocale) -> str:
    """Return what the offer is: `50% off for 3 months`, `Pause billing for 1 to 3 months`."""
    _, language = reads.language.gettext, reads.language
    match offer.terms:
        case DiscountTerms() as terms:
            return discount(terms, reads)
        case PauseTerms() as terms:
            return _pause(terms, language)
        case PlanChangeTerms() as terms:
            at_end = terms.when == "period_end"
            return _("Change your plan at the end of the period") if at_end else _("Change your plan now")
        case TrialTerms() as terms:
            return language.ngettext("%(count)s more day of trial", "%(count)s more days of trial", terms.days)
        case LinkTerms() as terms:
            return _("Talk to us") if terms.kind == "contact" else _("See what may help")


def _pause(terms: PauseTerms, language: Language) -> str:
    """`least` and `most` are in the terms' unit."""
    limits = {"least": terms.least, "most": terms.most}
    if terms.least < terms.most and terms.unit == "week":
        return language.gettext("Pause billing for %(least)s to %(most)s weeks", **limits)
    if terms.least < terms.most:
        return language.gettext("Pause billing for %(least)s to %(most)s months", **limits)
    if terms.unit == "week":
        return language.ngettext("Pause billing for %(count)s week", "Pause billing for %(count)s weeks", terms.most)
    return language.ngettext("Pause billing for %(count)s month", "Pause billing for %(count)s months", terms.most)


def billed_every(interval: Interval, reads: CustomerLocale) -> str:
    """Return how often a price is charged: `Billed every month`, `Billed every 3 months`."""
    (unit, count), ngettext = interval, reads.language.ngettext
    return {
        "day": ngettext("Billed every day", "Billed every %(count)s days", count),
        "week": ngettext("Billed every week", "Billed every %(count)s weeks", count),
        "month": ngettext("Billed every month", "Billed every %(count)s months", count),
        "year": ngettext("Billed every year", "Billed every %(count)s years", count),
    }[unit]


def discount(terms: DiscountTerms, reads: CustomerLocale, current: Fate | None = None) -> str:
    """Return a discount's terms: `50% off for 3 months`, `$5.00 off your next invoice`.

    `current`: what happens to the discount that the subscription has.
    """
    _, months = reads.language.gettext, terms.months or 0
    if terms.percent_off is not None:
        off = percentage(terms.percent_off, reads.locale)
    else:
        off = money(terms.amount_off or 0, terms.currency or "", reads.locale)
    said = {
        "once": _("%(discount)s off your next invoice", discount=off),
        "forever": _("%(discount)s off every invoice", discount=off),
        "repeating": reads.language.ngettext(
            "%(discount)s off for %(count)s month", "%(discount)s off for %(count)s months", months, discount=off
        ),
    }[terms.duration]
    if "priority_support" in terms.entitlements:
        said = _("%(offer)s and priority support", offer=said)
    if current == "replaced":
        return _("%(offer)s, in place of your current discount", offer=said)
    return _("%(offer)s, on top of your current discount", offer=said) if current == "kept" else said


def in_effect(kind: Literal["pause", "discount", "plan_change"], until: datetime | None, reads: CustomerLocale) -> str:
    """Return what is in effect, or scheduled for `until`: `You have a discount until March 15, 2027.`."""
    _, date = reads.language.gettext, long_date(until, reads.locale, reads.time_zone) if until else None
    match kind:
        case "pause":
            return _("Your billing is paused until %(date)s.", date=date) if date else _("Your billing is paused.")
        case "discount":
            return _("You have a discount until %(date)s.", date=date) if date else _("You have a discount.")
        case "plan_change":
            return _("Your plan changes on %(date)s.", date=date)


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
        "text": charges_text(preview, reads),
    }


def charges_text(preview: Preview, reads: CustomerLocale) -> str:
    """Return what is charged and when: `You pay nothing now. Your next charge is $14.50 on March 1, 2027.`."""

    def paid(amount: int) -> str:
        return money(amount, preview.currency, reads.locale)

    def on(time: datetime) -> str:
        return long_date(time, reads.locale, reads.time_zone)

    _ = reads.language.gettext
    said = [_("You pay nothing now.")]
    if preview.charged_now > 0:
        said = [_("You pay %(amount)s now.", amount=paid(preview.charged_now))]
    if preview.charged_now < 0:
        said.append(_("We credit %(amount)s to your next invoices.", amount=paid(-preview.charged_now)))
    next_charge, date = paid(preview.next_charge), on(preview.next_charge_at)
    said.append(_("Your next charge is %(amount)s on %(date)s.", amount=next_charge, date=date))
    if preview.price_again is not None and preview.price_again_at is not None:
        again, date = paid(preview.price_again), on(preview.price_again_at)
        said.append(_("From %(date)s you pay %(amount)s again.", date=date, amount=again))
    return " ".join(said)
