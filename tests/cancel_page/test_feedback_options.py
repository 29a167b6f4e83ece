"""Reasons that are one of the Stripe account's own feedback options, through the page (FEATURES F22, F28)."""

import pytest

from tests.cancel_page.test_broken import CANCELLED, current
from tests.cancel_page.visitor import Visitor, sessions_of, token
from tests.offers.company import Company
from tests.world import Person

pytestmark = pytest.mark.slow

SURVEY = """
steps:
  - survey:
      reasons:
        - {{code: moved, meaning: Moved., label: Moved, stripe: unused, feedback_option: {option}, follow_up: Where?}}
"""
SAID = {"reason": "moved", "text-moved": "To Lisbon"}


def made(company: Company) -> str:
    return company.world.stripe.billing.feedback_options.create({"description": "Moved abroad"}).id


def cancelled(company: Company, guest: Visitor, person: Person, option: str) -> tuple[str | None, object, str | None]:
    """Cancel with the reason that has the option, and return what Stripe shows of it."""
    with current(company, default=SURVEY.format(option=option)):
        guest.open(token(person))
        guest.press("cancel", **SAID)
    assert guest.title == CANCELLED, guest.text
    found = company.world.stripe.subscriptions.retrieve(person.subscription_id)
    assert found.cancel_at_period_end
    assert found.cancellation_details is not None
    assert [each["outcome"] for each in sessions_of(company.world, person)] == ["cancelled"]
    reason = company.world.row("SELECT * FROM cancellation_reasons WHERE user_id = %s", person.user_id)
    assert (reason["category"], reason["feedback"]) == ("unused", SAID["text-moved"])
    details = found.cancellation_details
    return details.feedback, details.feedback_option, details.comment


def keys(company: Company, person: Person) -> list[tuple[int, str]]:
    """Return status and idempotency key of each attempt to cancel."""
    calls = company.world.simulator.requests(method="POST", contains=person.subscription_id)
    return [(each["status"], each["idempotency_key"]) for each in calls if "cancel_at_period_end" in each["params"]]


def test_stripe_shows_the_option_of_the_chosen_reason(company: Company, guest: Visitor) -> None:
    person, option = company.customer(), made(company)
    assert cancelled(company, guest, person, option) == ("unused", option, SAID["text-moved"])
    request = company.world.row("SELECT * FROM cancellation_requests WHERE user_id = %s", person.user_id)
    assert (request["reason"], request["feedback_option"]) == ("unused", option)
    assert keys(company, person) == [(200, f"{request['id']}:6B:1")]


@pytest.mark.parametrize("what", ["deactivated", "unknown"])
def test_an_option_that_stripe_refuses_stops_no_cancellation(company: Company, guest: Visitor, what: str) -> None:
    person, option = company.customer(), made(company) if what == "deactivated" else "fo_none"
    if what == "deactivated":
        company.world.stripe.billing.feedback_options.deactivate(option)
    assert cancelled(company, guest, person, option) == ("unused", None, SAID["text-moved"])
    request = company.world.row("SELECT * FROM cancellation_requests WHERE user_id = %s", person.user_id)
    assert (request["outcome"], request["runs"]) == ("pending_cancellation", 1)
    assert keys(company, person) == [(400, f"{request['id']}:6B:1"), (200, f"{request['id']}:6B:without-option:1")]
    assert len(company.world.emails(person)) == 1
