"""The session's record: the reason arrives after the cancellation, and everything else in it is only a claim."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from deployments.operations.requests import resume
from flows.prune_history import prune_history
from nodes.rules.reasons import PREFER_NOT_TO_SAY
from nodes.settings import DatabaseSettings, load
from tests.cancel_page.visitor import path_of, sessions_of
from tests.deletion.former_customers import swept
from tests.faults.test_parked import LONG_AGO
from tests.faults.unfinished import unfinished_request, when_done
from tests.offers.company import Company
from tests.sdk.component import Component, component_token, offers_in
from tests.waiting import eventually
from tests.world import Person, Row, World

pytestmark = pytest.mark.slow

Made = Callable[..., Component]
CANCELLED = {"canceled": True, "surveyChoiceId": "wants_all", "surveyChoiceValue": "All", "feedback": "Too “dear” 💸"}


def request_of(world: World, person: Person) -> str:
    return str(world.row("SELECT id FROM cancellation_requests WHERE user_id = %s", person.user_id)["id"])


def reason_of(world: World, person: Person) -> tuple[str, str | None]:
    row = world.row("SELECT category, feedback FROM cancellation_reasons WHERE user_id = %s", person.user_id)
    return row["category"], row["feedback"]


def test_the_reason_is_filled_in_once_and_published(company: Company, component: Made) -> None:
    person = company.customer()
    shown = component(person)
    shown.flow()
    with company.world.listening() as listener:
        assert shown.cancel().status_code == 200
        assert shown.record(**CANCELLED).status_code == 204  # directly: its event waits for 5 seconds only
        event = eventually(lambda: listener.pull(request_of(company.world, person)))

    assert reason_of(company.world, person) == ("too_expensive", "Too “dear” 💸")
    assert event is not None
    assert (event["event"], event["reason"]) == ("subscription.canceled", "too_expensive")
    assert ("reason_chosen", {"reason": "wants_all"}) in path_of(company.world, person)
    assert sessions_of(company.world, person)[0]["texts"] == {}

    later = CANCELLED | {"surveyChoiceId": "wants_pause", "feedback": "Something else"}
    assert shown.record(**later).status_code == 204
    assert reason_of(company.world, person) == ("too_expensive", "Too “dear” 💸")


def test_a_cancellation_without_a_record_is_published_all_the_same(company: Company, component: Made) -> None:
    person = company.customer()
    shown = component(person)
    with company.world.listening() as listener:
        assert shown.cancel().status_code == 200
        event = eventually(lambda: listener.pull(request_of(company.world, person)))
    assert event is not None
    assert event["reason"] == "prefer_not_to_say"


def test_a_reason_that_arrives_before_the_cancellation_is_done_is_kept(world: World) -> None:
    person = world.person("schedule_managed")  # whose cancellation takes several calls
    shown = Component(world.addresses["sdk_base"], component_token(person))
    slow = {"kind": "delay", "seconds": 2.2, "method": "*", "contains": person.subscription_id, "times": 0}
    with world.listening() as listener:
        with world.simulator.fault(**slow):
            assert shown.cancel().status_code == 503
            said = {"aborted": True, "surveyChoiceId": "missing_features", "feedback": "An export"}
            assert shown.record(**said).status_code == 204
            assert [each["outcome"] for each in sessions_of(world, person)] == [None]
        event = eventually(lambda: listener.pull(request_of(world, person)))

    assert reason_of(world, person) == ("missing_features", "An export")
    assert event is not None
    assert event["reason"] == "missing_features"
    assert sessions_of(world, person)[0]["texts"] == {}


def test_a_reason_for_a_cancellation_that_waits_for_an_operator_is_kept_until_it_is_done(world: World) -> None:
    person = world.person("professional")
    shown = Component(world.addresses["sdk_base"], component_token(person))
    shown.flow()
    since = datetime.now(UTC) - LONG_AGO
    request_id = unfinished_request(world, person, due=True, tries=12, trying_since=since, reason=PREFER_NOT_TO_SAY)
    assert when_done(world, request_id)["parked_at"] is not None  # before step 5B
    world.admin.execute(
        "UPDATE cancel_sessions SET cancellation_id = %s WHERE user_id = %s", [request_id, person.user_id]
    )

    assert shown.record(aborted=True, surveyChoiceId="missing_features", feedback="An export").status_code == 204
    assert [each["outcome"] for each in sessions_of(world, person)] == ["manual"]
    world.admin.execute(
        "UPDATE cancel_sessions SET active_at = now() - interval '3 days' WHERE user_id = %s", [person.user_id]
    )
    assert swept(prune_history).is_completed()
    resume(load(DatabaseSettings), request_id)

    eventually(lambda: sessions_of(world, person)[0]["outcome"] == "cancelled")
    eventually(lambda: reason_of(world, person) == ("missing_features", "An export"))
    eventually(lambda: sessions_of(world, person)[0]["texts"] == {})


def test_a_record_before_the_cancellation_counts_too(company: Company, component: Made) -> None:
    person = company.customer()
    shown = component(person)
    assert shown.record(**(CANCELLED | {"canceled": False, "aborted": True})).status_code == 204
    assert shown.cancel().status_code == 200
    assert reason_of(company.world, person) == ("too_expensive", "Too “dear” 💸")


@pytest.mark.parametrize("claim", ["canceled", "acceptedOffer"])
def test_what_the_record_claims_changes_nothing_and_is_reported(company: Company, component: Made, claim: str) -> None:
    person = company.customer()
    shown = component(person)
    offer = offers_in(shown.flow())["discount"]
    claims = {
        "canceled": True,
        "acceptedOffer": {"guid": offer["decisionId"], "offerType": "DISCOUNT", "couponId": offer["couponId"]},
    }
    said = {claim: claims[claim], "customer": {"id": "somebody-else", "subscriptionId": "sub_other"}, "mode": "LIVE"}
    for _ in range(2):
        response = shown.record(surveyChoiceId="wants_all", **said)
        assert (response.status_code, response.json()["type"]) == (409, "urn:cancelflow:problem:never-requested")
        assert "handlers" in response.json()["detail"]
    assert company.world.simulator.writes(person.subscription_id) == []
    assert [each["outcome"] for each in sessions_of(company.world, person)] == [None]
    assert company.world.rows("SELECT FROM cancellation_reasons WHERE user_id = %s", person.user_id) == []
    assert ("reason_chosen", {"reason": "wants_all"}) in path_of(company.world, person)
    refusals = "SELECT FROM audit_log WHERE user_id = %s AND outcome = 'refused'"
    assert len(company.world.rows(refusals, person.user_id)) == 2


def test_the_offers_that_were_presented_are_recorded(company: Company, component: Made) -> None:
    person = company.customer()
    shown = component(person)
    shown.flow()
    at = {"presentedAt": "2026-11-26T12:00:00.000Z", "accepted": False}
    presented: list[Row] = [
        {"offerType": "PAUSE", **at, "declinedAt": "2026-11-26T12:00:05.000Z"},  # a reason's offer has no guid
        {"offerType": "DISCOUNT", "guid": "unknown", **at},
        {"offerType": "CUSTOM", **at},
    ]
    assert shown.record(presentedOffers=presented).status_code == 204
    path = [each for each in path_of(company.world, person) if each[0].startswith("offer_")]
    assert path == [("offer_shown", {"offers": ["pause"]}), ("offer_declined", {"offers": ["pause"]})]


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({"surveyChoiceId": "unknown"}, 400),
        ({"surveyChoiceId": "x" * 300}, 400),
        ({"feedback": 5}, 400),
        ({"presentedOffers": [{}] * 101}, 400),
        ({"feedback": "x" * 70_000}, 413),
    ],
    ids=["unknown reason", "long reason", "no text", "too many offers", "oversized"],
)
def test_a_wrong_record_is_refused_and_changes_nothing(
    company: Company, component: Made, said: Row, status: int
) -> None:
    person = company.customer()
    shown = component(person)
    assert shown.cancel().status_code == 200
    path = path_of(company.world, person)
    response = shown.record(canceled=True, **said)
    assert response.status_code == status
    assert response.json()["detail"]
    assert reason_of(company.world, person) == ("prefer_not_to_say", None)
    assert path_of(company.world, person) == path
    refusals = "SELECT FROM audit_log WHERE user_id = %s AND outcome = 'refused'"
    assert len(company.world.rows(refusals, person.user_id)) == 1


def test_a_text_that_cannot_be_stored_as_it_is(company: Company, component: Made) -> None:
    person = company.customer()
    shown = component(person)
    assert shown.cancel().status_code == 200
    assert shown.record(canceled=True, feedback="a\0b" + "x" * 6000).status_code == 204
    assert reason_of(company.world, person) == ("prefer_not_to_say", "ab" + "x" * 4998)
