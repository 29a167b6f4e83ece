"""Subscriptions that only a person changes in Stripe (FEATURES U10, U18), on a separate trigger with its catalogue."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import httpx
import pytest
from stripe.params import SubscriptionCreateParams

from deployments.operations.done_by_hand import NotDoneYet, NothingToFinish, finish
from deployments.operations.requests import Unfinished, resume, unfinished
from nodes.settings import BillingSettings, DatabaseSettings, load
from tests.acceptance.subscribers import clock, subscriber, subscribing_to
from tests.acceptance.trigger import serving
from tests.faults.unfinished import request_row, when_done
from tests.hook_receiver import SECRET, Receiver, receiving
from tests.waiting import eventually
from tests.world import Person, Row, World

# The Stripe SDK triggers this httpx deprecation warning.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload raw bytes:DeprecationWarning"),
]

DAY = 24 * 3600
MARK = uuid.uuid4().hex[:8]
OURS = f"""
allowed_urls: [https://example.com/]
plans:
  professional:
    name: Professional
    stripe: {{lookup_keys: [cancelflow_demo_professional_month]}}
    offer: {{percent_off: 30, months: 3}}
    offers:
      - {{id: pause, pause: {{unit: month, most: 3}}}}
      - {{id: talk, contact: {{url: https://example.com/talk}}}}
  enterprise:
    name: Enterprise
    stripe: {{lookup_keys: [cancelflow_demo_enterprise_month]}}
  starter:
    name: Starter
    stripe: {{lookup_keys: [cancelflow_demo_starter_month]}}
manual:
  plans: [enterprise]
  prices: [cancelflow_demo_starter_month]
  collection_methods: [send_invoice]
  metadata: {{handled_by: sales-{MARK}}}
"""
BY_HAND = cast("SubscriptionCreateParams", {"metadata": {"handled_by": f"sales-{MARK}"}})


@pytest.fixture(scope="module")
def team() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def ours(world: World, team: Receiver, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    assert world.addresses
    directory = tmp_path_factory.mktemp("by-hand")
    catalog = directory / "catalog.yaml"
    catalog.write_text(OURS, encoding="utf-8")
    with serving(directory, CATALOG=str(catalog), MANUAL_WEBHOOK_URL=team.url, MANUAL_WEBHOOK_SECRET=SECRET) as http:
        yield http


def post(http: httpx.Client, person: Person, path: str = "/cancel-subscription", **body: Any) -> httpx.Response:
    named = {} if path.startswith("/offers") or path == "/resume-subscription" else {"user_id": person.user_id}
    return http.post(path, json={**named, **body}, headers=person.headers)


def cancel(http: httpx.Client, person: Person, **body: Any) -> httpx.Response:
    return post(http, person, **{"reason": "unused", "feedback": "We are closing", **body})


def listed(request_id: str) -> Unfinished:
    [found] = [each for each in unfinished(load(DatabaseSettings)) if each.id == request_id]
    return found


def done(request_id: str) -> None:
    finish(load(DatabaseSettings), load(BillingSettings), request_id)


def parked(world: World, response: httpx.Response) -> Row:
    assert (response.status_code, response.json()["status"]) == (202, "in_progress"), response.text
    row = when_done(world, uuid.UUID(world.request_id(response)))
    assert (row["by_hand"], row["outcome"]) == (True, None)
    return row


def own_writes(world: World, person: Person, since: int) -> list[Row]:
    return world.simulator.writes(person.subscription_id)[since:]


def test_a_cancellation_is_received_and_completed_once_a_person_has_done_it(
    world: World, ours: httpx.Client, team: Receiver
) -> None:
    person = subscriber(world, more=BY_HAND)

    response = cancel(ours, person)

    row = parked(world, response)
    request_id = str(row["id"])
    assert world.simulator.writes(person.subscription_id) == []
    [email] = world.emails(person)
    assert email["subject"] == "We've received your request to cancel your Professional plan"
    assert "cancelled" not in email["text"]
    [hook] = team.about(person.subscription_id)
    assert hook.valid
    assert hook.body == {
        "type": "request.needs_attention",
        "timestamp": row["received_at"].astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "data": {
            "request_id": request_id,
            "kind": "cancellation",
            "subscription_id": person.subscription_id,
            "user_id": person.user_id,
        },
    }
    run = world.run_of(response)
    assert (run["state_type"], run["state"]["name"]) == ("FAILED", "NeedsAttention")
    assert f"cancelflow finish {request_id}" in run["state"]["message"]
    assert listed(request_id).stuck
    assert f"cancelflow finish {request_id}" in listed(request_id).advice()

    with pytest.raises(NotDoneYet, match=f"{person.subscription_id} has no end in Stripe"):
        done(request_id)
    world.simulator.portal(person.subscription_id, "cancel")
    done(request_id)

    row = when_done(world, row["id"])
    subscription = world.stripe.subscriptions.retrieve(person.subscription_id)
    assert (row["outcome"], row["cancel_at"]) == (
        "pending_cancellation",
        datetime.fromtimestamp(subscription.cancel_at or 0, UTC),
    )
    assert world.simulator.writes(person.subscription_id) == []
    confirmation, _received = world.emails(person)
    assert confirmation["subject"].startswith("Cancellation confirmed")
    [reason] = world.rows("SELECT * FROM cancellation_reasons WHERE request_id = %s", request_id)
    assert (reason["category"], reason["feedback"]) == ("unused", "We are closing")
    [job] = world.rows("SELECT * FROM data_retention_jobs WHERE request_id = %s", request_id)
    assert job["run_at"] == row["cancel_at"] + timedelta(days=90)
    [event] = world.rows("SELECT * FROM outbox WHERE request_id = %s AND kind = 'subscription.canceled'", request_id)
    assert event["delivered_at"] is not None
    shown = ours.get(f"/cancellation-requests/{request_id}", headers=person.headers)
    assert (shown.status_code, shown.json()["status"]) == (200, "pending_cancellation")
    with pytest.raises(NothingToFinish):
        done(request_id)


def test_an_end_that_a_person_made_immediately_is_announced_once(world: World, ours: httpx.Client) -> None:
    person = subscriber(world, more=BY_HAND)
    row = parked(world, cancel(ours, person))

    world.stripe.subscriptions.cancel(person.subscription_id)
    since = len(world.simulator.writes(person.subscription_id))
    eventually(lambda: world.rows("SELECT FROM stripe_events WHERE subscription_id = %s", person.subscription_id))
    done(str(row["id"]))

    assert when_done(world, row["id"])["outcome"] == "canceled"
    handled = "SELECT FROM stripe_events WHERE subscription_id = %s AND change = 'end' AND handled_at IS NOT NULL"
    eventually(lambda: world.rows(handled, person.subscription_id))
    subjects = [each["subject"].partition(":")[0] for each in world.emails(person)]
    assert subjects == ["Cancellation confirmed", "We've received your request to cancel your Professional plan"]
    assert own_writes(world, person, since) == []


@pytest.mark.parametrize("mark", ["plan", "price", "collection method"])
def test_one_match_is_enough(world: World, ours: httpx.Client, mark: str) -> None:
    if mark == "collection method":
        more = cast("SubscriptionCreateParams", {"collection_method": "send_invoice", "days_until_due": 14})
        person = subscriber(world, more=more)
    else:
        person = subscriber(world, plan="enterprise" if mark == "plan" else "starter")
    parked(world, cancel(ours, person))
    assert world.simulator.writes(person.subscription_id) == []


def test_a_subscription_that_matches_nothing_is_cancelled_as_ever(world: World, ours: httpx.Client) -> None:
    assert cancel(ours, subscriber(world)).status_code == 200


def test_no_offer_is_made_or_accepted(world: World, ours: httpx.Client) -> None:
    person = subscriber(world, more=BY_HAND)

    assert ours.get("/retention-offer", headers=person.headers).json()["retention_offer"] is None
    offers = ours.get("/offers", headers=person.headers).json()["offers"]
    assert [each["kind"] for each in offers] == ["contact"]
    accepted = cancel(ours, person, accept_offer=True)
    assert (accepted.status_code, accepted.json()["type"].rpartition(":")[2]) == (409, "offer-unavailable")
    for path, choice in (("/offers/pause/accept", {"months": 1}), ("/resume-subscription", {})):
        refused = post(ours, person, path, **choice)
        assert (refused.status_code, refused.json().get("reason")) == (409, "manual")
    assert world.simulator.writes(person.subscription_id) == []


def test_resuming_writes_nothing_and_leaves_it_to_the_person(world: World, ours: httpx.Client) -> None:
    person = subscriber(world, more=BY_HAND)
    row = parked(world, cancel(ours, person))

    resume(load(DatabaseSettings), row["id"])
    eventually(lambda: request_row(world, row["id"])["runs"] == 2)

    assert when_done(world, row["id"])["outcome"] is None
    assert world.simulator.writes(person.subscription_id) == []
    assert len(world.emails(person)) == 1


def test_a_second_request_is_told_that_one_is_under_way(world: World, ours: httpx.Client) -> None:
    person = subscriber(world, more=BY_HAND)
    row = parked(world, cancel(ours, person))
    again = cancel(ours, person)
    assert (again.status_code, again.json()["under_way"]) == (409, str(row["id"]))


def test_a_renewal_meanwhile_is_named_and_the_time_of_the_request_counts(world: World, ours: httpx.Client) -> None:
    on = clock(world)
    person = subscriber(world, on=on, more=BY_HAND)
    row = parked(world, cancel(ours, person))
    assert not listed(str(row["id"])).renewed

    on.advance(on.now + 32 * DAY)

    eventually(lambda: listed(str(row["id"])).renewed)
    assert "refund that charge" in listed(str(row["id"])).advice()
    world.stripe.subscriptions.cancel(person.subscription_id)
    done(str(row["id"]))
    finished = when_done(world, row["id"])
    assert (finished["outcome"], finished["received_at"]) == ("canceled", row["received_at"])
    assert finished["renewal_undone"] is False


def test_a_reactivation_is_done_by_a_person_too(world: World, ours: httpx.Client, team: Receiver) -> None:
    person = subscriber(world, more=BY_HAND)
    row = parked(world, cancel(ours, person))
    world.simulator.portal(person.subscription_id, "cancel")
    done(str(row["id"]))
    when_done(world, row["id"])

    response = post(ours, person, "/reactivate-subscription")

    assert response.status_code == 202
    request_id = response.json()["request_id"]
    at_rest = "SELECT * FROM reactivation_requests WHERE id = %s AND resume_at IS NULL"
    [parked_one] = eventually(lambda: world.rows(at_rest, request_id))
    assert (parked_one["by_hand"], parked_one["outcome"]) == (True, None)
    assert world.emails(person)[0]["subject"] == "We've received your request to keep your Professional plan"
    assert [each.body["data"]["kind"] for each in team.about(person.subscription_id)] == [
        "cancellation",
        "reactivation",
    ]
    with pytest.raises(NotDoneYet, match="still ends in Stripe"):
        done(request_id)
    world.simulator.portal(person.subscription_id, "undo")
    done(request_id)

    eventually(lambda: world.rows(f"{at_rest} AND outcome = 'reactivated'", request_id))
    assert world.simulator.writes(person.subscription_id) == []


def test_a_customer_without_an_address_is_listed_for_the_person_too(world: World, ours: httpx.Client) -> None:
    person = subscriber(world, more=BY_HAND)
    world.admin.execute("UPDATE users SET email = NULL WHERE id = %s", [person.user_id])
    row = parked(world, cancel(ours, person))
    assert listed(str(row["id"])).by_hand


def test_of_every_subscription_only_the_marked_one_waits_for_a_person(world: World, ours: httpx.Client) -> None:
    person = subscribing_to(world, subscriber(world), "enterprise")

    response = cancel(ours, person, every_subscription=True)

    assert (response.status_code, response.json()["success"]) == (202, True)
    plain, marked = response.json()["results"]
    assert (plain["status_code"], plain["response"]["status"]) == (200, "pending_cancellation")
    assert (marked["status_code"], marked["response"]["status"]) == (202, "in_progress")
    shown = ours.get(f"/cancellation-requests/{marked['response']['request_id']}", headers=person.headers)
    assert shown.status_code == 202
    assert world.simulator.writes(marked["subscription_id"]) == []


def test_finishing_an_unknown_request_is_refused(world: World) -> None:
    assert world.addresses
    with pytest.raises(NothingToFinish, match="no unfinished request"):
        done(str(uuid.uuid4()))
