"""The webhook endpoint: FEATURES A09. An event unsigned by Stripe, or signed too long ago, changes nothing."""

import json
import os
import time
from pathlib import Path

import httpx
import pytest

from tests.acceptance.trigger import serving
from tests.webhooks.events import ENDPOINT, deliver, envelope, events_about, inbox, order, secret, settled
from tests.world import Person, World

pytestmark = pytest.mark.slow


@pytest.fixture
def lost_cancellation(world: World) -> tuple[Person, str]:
    """Create a customer who cancelled in the portal, and return the lost event of it.

    It has a reason; otherwise each test would wait the five seconds in which one may still come.
    """
    person = world.person("professional")
    with world.simulator.losing_webhooks():
        order(world, "portal", subscription=person.subscription_id, action="cancel", feedback="unused")
        [event, _] = events_about(world, person.subscription_id, "customer.subscription.updated")
    return person, event.id


def refuses(response: httpx.Response) -> bool:
    return (response.status_code, response.json().get("type")) == (400, "urn:cancelflow:problem:signature-invalid")


def test_a_forged_stale_or_truncated_event_changes_nothing(world: World, lost_cancellation: tuple[Person, str]) -> None:
    person, event_id = lost_cancellation
    before = world.belongings(person.user_id)
    headers, body = envelope(world, event_id)
    signature = headers["stripe-signature"]

    def post(content: bytes, header: str | None) -> httpx.Response:
        given = {"content-type": "application/json"} | ({"stripe-signature": header} if header is not None else {})
        return world.http.post(ENDPOINT, content=content, headers=given)

    wrong = {
        "unsigned": post(body, None),
        "an empty signature": post(body, ""),
        "no signature": post(body, "rubbish"),
        "another's secret": deliver(world, event_id, secret="whsec_of_someone_else"),
        "stale": deliver(world, event_id, timestamp=int(time.time()) - 301),
        "replayed with a new time": post(body, signature.replace(signature.split(",")[0], f"t={int(time.time()) + 9}")),
        "cut short": post(body[:-1], signature),
        "longer": post(body + b" ", signature),
        "altered": post(body.replace(b"customer.subscription.updated", b"customer.subscription.deleted"), signature),
        "not even text": post(b"\xff\xfe" + body, signature),
        "nothing": post(b"", signature),
    }
    assert [what for what, response in wrong.items() if not refuses(response)] == []
    assert inbox(world, person) == []
    assert world.belongings(person.user_id) == before


def test_a_signature_within_the_tolerance_is_valid(world: World, lost_cancellation: tuple[Person, str]) -> None:
    person, event_id = lost_cancellation
    assert deliver(world, event_id, timestamp=int(time.time()) - 290).status_code == 200
    assert [row["id"] for row in settled(world, person)] == [event_id]


def test_a_repeated_event_is_stored_once(world: World, lost_cancellation: tuple[Person, str]) -> None:
    person, event_id = lost_cancellation
    for _ in range(3):
        response = deliver(world, event_id)
        assert (response.status_code, response.json()) == (200, {"received": True})
    settled(world, person)
    deliver(world, event_id)
    [row] = settled(world, person)
    assert (row["outcome"], row["change"]) == ("cancellation", "begins")
    assert len(world.rows("SELECT FROM cancellation_requests WHERE user_id = %s", person.user_id)) == 1
    assert len(world.emails(person)) == 1


def test_an_irrelevant_event_is_acknowledged_and_not_stored(world: World) -> None:
    person = world.person("professional")
    world.stripe.subscriptions.update(person.subscription_id, {"metadata": {"note": "1"}})
    [event] = events_about(world, person.subscription_id, "customer.subscription.updated")
    assert deliver(world, event.id).status_code == 200
    assert inbox(world, person) == []


def test_an_events_free_text_is_not_stored_with_it(world: World) -> None:
    person = world.person("professional")
    order(
        world,
        "portal",
        subscription=person.subscription_id,
        action="cancel",
        feedback="other",
        comment="A marker of mine: qwertz",
    )
    events = settled(world, person, events=2)
    assert "qwertz" not in str(events)
    reason = world.row("SELECT * FROM cancellation_reasons WHERE user_id = %s", person.user_id)
    assert reason["feedback"] == "A marker of mine: qwertz"
    for run in {str(row["flow_run_id"]) for row in events if row["flow_run_id"]}:
        shown = [
            world.prefect.get(f"/flow_runs/{run}").text,
            world.prefect.post("/task_runs/filter", json={"flow_runs": {"id": {"any_": [run]}}}).text,
            world.prefect.post("/logs/filter", json={"logs": {"flow_run_id": {"any_": [run]}}}).text,
        ]
        assert [text for text in shown if "qwertz" in text or person.email in text] == []


def test_both_secrets_are_valid_during_rotation_and_without_any_the_endpoint_is_off(
    world: World, lost_cancellation: tuple[Person, str], tmp_path: Path
) -> None:
    _, event_id = lost_cancellation
    with serving(tmp_path, STRIPE_WEBHOOK_SECRETS="whsec_new, whsec_old") as trigger:
        statuses = {}
        for signed_with in ("whsec_new", "whsec_old", "whsec_older", ["whsec_older", "whsec_old"]):
            headers, body = envelope(world, event_id, secret=signed_with)
            statuses[str(signed_with)] = trigger.post(ENDPOINT, content=body, headers=headers).status_code
        assert list(statuses.values()) == [200, 200, 400, 200]
    with serving(tmp_path, STRIPE_WEBHOOK_SECRETS="") as trigger:
        headers, body = envelope(world, event_id, secret="whsec_new")
        assert trigger.post(ENDPOINT, content=body, headers=headers).status_code == 404


def test_an_oversized_body_is_refused(world: World) -> None:
    assert world.http.post(ENDPOINT, content=b"x" * (1024 * 1024 + 1)).status_code == 413


def test_the_secret_is_not_published(world: World) -> None:
    assert secret() == os.environ["STRIPE_WEBHOOK_SECRETS"]
    assert secret() not in json.dumps(world.http.get("/openapi.json").json()) + json.dumps(world.addresses)
