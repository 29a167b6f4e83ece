"""Pauses: ended early, followed by another, and their events."""

import pytest

from tests.acceptance.consumer import body, consuming
from tests.offers.acceptances import START, accepted, member, refused, writes
from tests.offers.company import DAY, Company, at

pytestmark = pytest.mark.slow


def test_a_pause_is_ended_early_and_not_begun_again_before_its_cooldown(company: Company) -> None:
    clock = company.clock(START)
    person = company.customer(on=clock)
    accepted(company, person, "pause", months=3)
    company.world.tried(person)
    clock.advance(START + 10 * DAY)
    with consuming() as consumer:
        response = company.resume(person)
        company.world.tried(person)
        [event] = map(body, consumer.everything_of(person.user_id))

    assert response.status_code == 200, response.text
    assert (response.json()["change"], response.json()["offer_id"]) == ("resume", None)
    assert company.subscription(person).pause_collection is None
    assert company.request(response)["kind"] == "resume"
    emails = company.world.emails(person)
    assert {each["subject"] for each in emails} == {
        "Your Team Flow plan is paused until April 15, 2027",
        "Your Team Flow plan has resumed",
    }
    assert (event["event"], event["change"]) == ("subscription.changed", "resume")
    assert not event["offer_id"]

    before = len(writes(company, person))
    again = company.resume(person)
    assert (again.status_code, again.json()["reason"]) == (409, "not_paused")
    refused(company, person, "pause", reason="used_before", months=1, wrote=before)
    clock.advance(at(2027, 7, 25, 8))  # six calendar months after January 25, less an hour
    refused(company, person, "pause", reason="used_before", months=1, wrote=before)
    clock.advance(at(2027, 7, 25, 9))
    accepted(company, person, "pause", months=1)


def test_a_pause_without_a_cooldown_can_follow_another(company: Company) -> None:
    person = member(company)
    accepted(company, person, "break", weeks=4)
    assert company.resume(person).status_code == 200
    accepted(company, person, "break", weeks=4)


def test_events_of_one_customer_arrive_in_order(company: Company) -> None:
    person = member(company)
    with consuming() as consumer:
        accepted(company, person, "half")
        company.world.tried(person)
        accepted(company, person, "break", weeks=4)
        company.world.tried(person)
        assert company.resume(person).status_code == 200
        company.world.tried(person)
        events = [body(each)["change"] for each in consumer.everything_of(person.user_id)]
    assert events == ["discount", "pause", "resume"]


def test_a_pause_is_ended_early_while_a_cancellation_is_pending(company: Company) -> None:
    """Nothing will be charged, so that Stripe has no next invoice to preview."""
    person = member(company)
    accepted(company, person, "pause", months=2)
    assert company.world.cancel(person).status_code == 200

    response = company.resume(person)

    assert response.status_code == 200, response.text
    assert "preview" not in response.json()
    found = company.subscription(person)
    assert (found.pause_collection, found.cancel_at_period_end) == (None, True)
    email = next(each for each in company.world.emails(person) if "has resumed" in each["subject"])
    assert "Next charge" not in email["text"]
