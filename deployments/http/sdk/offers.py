"""An offer in the component's format, with its true cost in the text."""

from typing import Any

from markupsafe import Markup

from nodes.clients.billing.changes import RecurringPrice
from nodes.messages.customer_locale import CustomerLocale
from nodes.rules.ways_to_stay import DiscountTerms, LinkTerms, TrialTerms, link_for
from nodes.sessions.component_flow import ShownOffer


def offer_as_json(
    shown: ShownOffer, reads: CustomerLocale, described: Markup | None = None, *, titled: bool = False
) -> dict[str, Any]:
    """Return the offer with its texts, of which `body` is HTML. `described`: the step's description, which comes first.

    `titled`: the step has a title, which the component shows in place of the headline, so that the body has it too.
    A contact is a `redirect`: version 0.1.2 doesn't open the address of a `contact`, but reports it as accepted.
    """
    headline, body = shown.listed["description"], _body(shown, reads)
    return {
        "type": "redirect" if isinstance(shown.offer.terms, LinkTerms) else shown.offer.kind,
        "decisionId": shown.offer.id,
        "copy": {
            "headline": headline,
            "body": str(Markup().join([described or "", Markup("<p>{}</p>").format(headline) if titled else "", body])),
            "cta": _accept(shown, reads),
            "declineCta": reads.language.gettext("No, thanks"),
        },
        **_terms(shown, reads),
    }


def _terms(shown: ShownOffer, reads: CustomerLocale) -> dict[str, Any]:
    match shown.offer.terms:
        case DiscountTerms() as terms:
            amount = {"percentOff": terms.percent_off, "amountOff": terms.amount_off, "currency": terms.currency}
            found = {"couponId": terms.coupon_id, **amount, "durationInMonths": terms.months}
            return {name: value for name, value in found.items() if value is not None}
        case TrialTerms() as terms:
            return {"days": terms.days}
        case LinkTerms() as terms:
            return {"url": link_for(terms.url), "label": _accept(shown, reads)}
    if shown.price:
        return {"plans": [_plan(shown.price, shown.quantity, shown.option)]}
    return {"months": shown.option["months"], "interval": "month"}


def _plan(price: RecurringPrice, quantity: int, option: dict[str, Any]) -> dict[str, Any]:
    """Return the plan with the amount for this quantity, which the component shows as the plan's price."""
    unit, count = price.interval
    return {
        "id": price.id,
        "name": option.get("plan_name") or price.lookup_key or price.id,
        "amount": {"value": (price.amount or 0) * quantity, "currency": price.currency},
        "duration": {"interval": unit, "intervalCount": count},
        "tagline": option["billed"],
    }


def _body(shown: ShownOffer, reads: CustomerLocale) -> Markup:
    _, option = reads.language.gettext, shown.option
    texts = [shown.listed["text"]]
    if "access" in option:
        keeps, loses = _("You keep access while billing is paused."), _("You have no access while billing is paused.")
        texts.append(keeps if option["access"] else loses)
    if "preview" in option:
        texts.append(option["preview"]["text"])
    return Markup(" ").join(each for each in texts if each)


def _accept(shown: ShownOffer, reads: CustomerLocale) -> str:
    _ = reads.language.gettext
    match shown.offer.kind:
        case "discount":
            return _("Take this discount")
        case "pause":
            months = shown.option["months"]
            return reads.language.ngettext("Pause for %(num)s month", "Pause for %(num)s months", months, num=months)
        case "plan_change":
            return _("Switch to this plan")
        case "trial_extension":
            return _("Extend my trial")
        case "contact":
            return _("Talk to us")
    return _("Show me")
