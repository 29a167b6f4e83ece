"""Every invoice that Stripe made after an acceptance, beside what the customer was shown."""

from dataclasses import dataclass
from typing import Any

import stripe

from tests.acceptance.subscribers import Clock
from tests.offers.company import HOUR, Company, when
from tests.world import Person, Row


@dataclass(frozen=True)
class Charge:
    """A charge of the customer, or a credit. `total` is before the balance."""

    at: int
    total: int
    due: int


def charges(company: Company, person: Person, since: int) -> list[Charge]:
    """Return the charges from a time on: of every invoice that was neither voided nor written off nor left a draft."""
    found = [each for each in company.invoices(person) if each.created >= since and each.status in ("paid", "open")]
    return [Charge(each.created, each.total, each.amount_due) for each in found]


def amount(money: Row | None) -> int | None:
    return money["amount"] if money else None


def past_every_date(clock: Clock, preview: Row) -> None:
    """Advance in steps: to before and after every date of the preview."""
    dates = {when(preview[name]) for name in ("next_charge_at", "price_again_at", "saved_until") if preview[name]}
    for date in sorted(dates):
        for step in (date - HOUR, date + 2 * HOUR):
            if step > clock.now:
                clock.advance(step)


def as_charged(company: Company, person: Person, twin: Person, preview: Row, accepted_at: int) -> dict[str, Any]:
    """Return the parts of a preview as they came to be, by the invoices of the customer and of the twin.

    `saved` is what the twin, whose subscription nobody touched, was charged more.
    """
    own, others = charges(company, person, accepted_at), charges(company, twin, accepted_at)
    now, later = [each for each in own if each.at == accepted_at], [each for each in own if each.at > accepted_at]
    found: dict[str, Any] = {
        "charged_now": sum(each.due or min(0, each.total) for each in now),
        "next_charge": later[0].due,
        "next_charge_at": later[0].at,
    }
    if again_at := preview["price_again_at"]:
        found["price_again"] = [each.total for each in later if each.at == when(again_at)]
    if until := preview["saved_until"]:
        totals = [sum(each.total for each in of if each.at < when(until)) for of in (others, own)]
        found["saved"] = totals[0] - totals[1]
        # The date is that of a charge, so that no charge is counted by half.
        found["saved_until"] = when(until) in {each.at for each in own}
    return found


def as_shown(preview: Row) -> dict[str, Any]:
    """Return the same parts as the customer was shown them."""
    found: dict[str, Any] = {
        "charged_now": amount(preview["charged_now"]),
        "next_charge": amount(preview["next_charge"]),
        "next_charge_at": when(preview["next_charge_at"]),
    }
    if preview["price_again_at"]:
        found["price_again"] = [amount(preview["price_again"])]
    if preview["saved_until"]:
        found |= {"saved": amount(preview["saved"]), "saved_until": True}
    return found


def invoices_read(invoices: list[stripe.Invoice]) -> list[tuple[int, int, int, str | None]]:
    """Return invoices for the message of a failure."""
    return [(each.created, each.total, each.amount_due, each.status) for each in invoices]
