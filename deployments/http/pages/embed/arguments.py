"""What the embed's callbacks get for each kind of offer, by the names that people know (FEATURES C15, C16)."""

from typing import Any

from nodes.rules.ways_to_stay import DiscountTerms, Offer, TrialTerms


def arguments_of(offer: dict[str, Any], option: dict[str, Any], terms: Offer | None) -> dict[str, Any]:
    """Return a callback's arguments. `offer`, `option`: as in `GET /offers`; `terms`: the offer in the catalogue."""
    match offer["kind"]:
        case "discount" if terms and isinstance(terms.terms, DiscountTerms):
            found = _coupon(terms.terms)
        case "pause":
            unit = "month" if "months" in option else "week"
            length = option[f"{unit}s"]
            found = {"pauseDuration": length, "pauseInterval": unit, "resumesAt": option["resumes_at"]}
        case "plan_change":
            plan = {"id": option["price"], "name": option.get("plan_name")}
            found = {"planId": option["price"], "plan": plan, "startsAt": option.get("starts_at")}
        case "trial_extension" if terms and isinstance(terms.terms, TrialTerms):
            found = {"trialExtensionDays": terms.terms.days, "trialEndsAt": option["trial_ends_at"]}
        case "redirect":
            found = {"redirectLabel": offer["description"], "redirectUrl": option["url"]}
        case "contact":
            found = {"url": option["url"]}
        case _:
            found = {}
    return {"offerId": offer["id"], **found}


def _coupon(terms: DiscountTerms) -> dict[str, Any]:
    """Return the coupon, with Stripe's names."""
    return {
        "id": terms.coupon_id,
        "percent_off": terms.percent_off,
        "amount_off": terms.amount_off,
        "currency": terms.currency,
        "duration": terms.duration,
        "duration_in_months": terms.months,
    }
