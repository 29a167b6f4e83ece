"""Declining: FEATURES W01, W07, W10 to W16, W18, W20, W24, W29, W39, W42 to W48, each with its stored effect."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from nodes.clients.links import Links, Purpose
from nodes.rules.reasons import REASONS, STRIPE_FEEDBACK
from nodes.settings import LinkSettings, load
from tests.acceptance.consumer import body, consuming
from tests.acceptance.subscribers import clock, subscriber
from tests.waiting import concurrently
from tests.world import Person, World, links

RETENTION = timedelta(days=90)
PENDING = "Subscription already scheduled for cancellation"
FEEDBACK = "Great product but can't justify cost for my usage"


def ends_in_stripe(world: World, person: Person) -> datetime:
    found = world.stripe.subscriptions.retrieve(person.subscription_id)
    assert found.cancel_at is not None
    return datetime.fromtimestamp(found.cancel_at, UTC)


def rfc3339(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def test_an_active_subscription_is_cancelled_at_its_period_end(world: World) -> None:
    person = world.person("professional")
    before = world.stripe.subscriptions.retrieve(person.subscription_id)

    response = world.cancel(person, feedback=FEEDBACK, accept_offer=False)

    after = world.stripe.subscriptions.retrieve(person.subscription_id)
    assert after.cancel_at is not None
    ends = datetime.fromtimestamp(after.cancel_at, UTC)
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert list(response.json().items()) == [
        ("success", True),
        ("status", "pending_cancellation"),
        ("cancel_at", rfc3339(ends)),
        ("data_retention_until", rfc3339(ends + RETENTION)),
    ]
    assert after.cancel_at_period_end
    assert after.cancel_at == before.items.data[0].current_period_end
    assert after.status == before.status == "active"
    assert after.cancellation_details is not None
    assert after.cancellation_details.feedback == "too_expensive"
    assert after.cancellation_details.comment == FEEDBACK


def test_a_request_without_accept_offer_cancels(world: World) -> None:
    person = world.person("starter")

    response = world.post(person, reason="unused")

    assert response.json()["status"] == "pending_cancellation"
    assert world.stripe.subscriptions.retrieve(person.subscription_id).cancel_at_period_end


def test_cancelling_takes_one_write_to_stripe_and_creates_no_invoice(world: World) -> None:
    person = world.person("professional")
    invoices = [invoice.id for invoice in world.stripe.invoices.list({"subscription": person.subscription_id}).data]

    response = world.cancel(person)

    [write] = world.simulator.writes(person.subscription_id)
    assert (write["method"], write["path"]) == ("POST", f"/v1/subscriptions/{person.subscription_id}")
    assert write["idempotency_key"] == f"{world.request_id(response)}:6B:1"
    assert "discounts" not in write["params"]
    after = world.stripe.subscriptions.retrieve(person.subscription_id)
    assert after.discounts == []
    assert [each.id for each in world.stripe.invoices.list({"subscription": person.subscription_id}).data] == invoices


def test_the_row_is_pending_and_has_the_end_date(world: World) -> None:
    person = world.person("enterprise")

    world.cancel(person)

    row = world.row("SELECT * FROM subscriptions WHERE id = %s", person.subscription_id)
    ends = ends_in_stripe(world, person)
    assert (row["status"], row["cancel_at_period_end"], row["cancel_at"]) == ("pending_cancellation", True, ends)
    assert row["current_period_end"] == ends


@pytest.mark.parametrize("reason", REASONS)
def test_each_reason_is_stored_and_sent_to_stripe(world: World, reason: str) -> None:
    person = world.person("professional")
    before = datetime.now(UTC)

    response = world.cancel(person, reason=reason, feedback=FEEDBACK)

    assert response.status_code == 200
    kept = world.row("SELECT * FROM cancellation_reasons WHERE user_id = %s", person.user_id)
    assert (kept["category"], kept["feedback"]) == (reason, FEEDBACK)
    assert before <= kept["created_at"] <= datetime.now(UTC)
    assert (str(kept["request_id"]), kept["plan"]) == (world.request_id(response), "professional")
    details = world.stripe.subscriptions.retrieve(person.subscription_id).cancellation_details
    assert details is not None
    # Stripe has no feedback value for "no answer given".
    assert details.feedback == (reason if reason in STRIPE_FEEDBACK else None)
    assert details.comment == FEEDBACK


def test_the_free_text_is_stored_in_one_place(world: World) -> None:
    person = world.person("professional")

    response = world.cancel(person, feedback="a sentence of my own")

    request = world.row("SELECT * FROM cancellation_requests WHERE id = %s", world.request_id(response))
    assert request["feedback"] is None
    holding = {
        table
        for table, rows in world.belongings(person.user_id).items()
        if any("a sentence of my own" in str(row) for row in rows)
    }
    assert holding == {"cancellation_reasons"}


def test_feedback_is_optional(world: World) -> None:
    person = world.person("professional")

    response = world.cancel(person, reason="other")

    assert response.status_code == 200
    assert world.row("SELECT feedback FROM cancellation_reasons WHERE user_id = %s", person.user_id) == {
        "feedback": None
    }
    details = world.stripe.subscriptions.retrieve(person.subscription_id).cancellation_details
    assert details is not None
    assert details.comment is None


def test_the_request_is_recorded_from_intent_to_response(world: World) -> None:
    person = world.person("professional")

    response = world.cancel(person)

    request = world.row("SELECT * FROM cancellation_requests WHERE user_id = %s", person.user_id)
    assert str(request["id"]) == world.request_id(response)
    assert (request["outcome"], request["http_status"]) == ("pending_cancellation", 200)
    assert request["response"] == response.json()
    assert list(request["response"]) == list(response.json())
    assert (request["recovery_point"], request["runs"]) == ("finished", 1)
    assert request["received_at"] < request["finished_at"]
    assert (request["reason"], request["accept_offer"]) == ("too_expensive", False)
    assert (request["subscription_id"], request["cancel_at"]) == (person.subscription_id, ends_in_stripe(world, person))
    assert str(request["flow_run_id"]) == world.run_of(response)["id"]
    again = world.http.get(f"/cancellation-requests/{world.request_id(response)}", headers=person.headers)
    assert (again.status_code, again.json()) == (200, response.json())
    resume_at = "SELECT resume_at FROM cancellation_requests WHERE id = %s"
    assert world.row(resume_at, world.request_id(response)) == {"resume_at": None}


def test_the_attempt_is_audited_once_with_stripes_request_id(world: World) -> None:
    person = world.person("professional")

    response = world.cancel(person)

    [write] = world.simulator.writes(person.subscription_id)
    audit = world.row("SELECT * FROM audit_log WHERE user_id = %s", person.user_id)
    assert str(audit["request_id"]) == world.request_id(response)
    assert (str(audit["user_id"]), str(audit["asked_user_id"])) == (person.user_id, person.user_id)
    assert (audit["action"], audit["subscription_id"]) == ("cancel_subscription", person.subscription_id)
    assert (audit["outcome"], audit["http_status"], audit["problem"]) == ("pending_cancellation", 200, None)
    assert audit["stripe_request_id"] == write["request_id"]


def test_data_is_kept_until_90_days_after_the_end(world: World) -> None:
    person = world.person("professional")

    response = world.cancel(person)

    ends = ends_in_stripe(world, person)
    job = world.row("SELECT * FROM data_retention_jobs WHERE user_id = %s", person.user_id)
    assert (job["cancel_at"], job["run_at"], job["status"]) == (ends, ends + RETENTION, "scheduled")
    assert (str(job["request_id"]), job["subscription_id"]) == (world.request_id(response), person.subscription_id)
    assert response.json()["data_retention_until"] == rfc3339(job["run_at"])


def test_sent_messages_are_marked_as_delivered(world: World) -> None:
    person = world.person("professional")

    response = world.cancel(person)

    world.tried(person)
    outbox = world.rows("SELECT * FROM outbox WHERE request_id = %s ORDER BY kind", world.request_id(response))
    assert [item["kind"] for item in outbox] == ["cancellation_confirmation", "subscription.canceled"]
    for item in outbox:
        assert (item["attempts"], item["refused"]) == (1, False)
        assert item["created_at"] < item["delivered_at"]
    assert outbox[1]["receipt"]


def test_the_email_has_its_five_parts_and_the_right_date(world: World) -> None:
    person = world.person("professional")

    response = world.cancel(person)

    [email] = world.emails(person)
    promised = response.json()
    assert person.email in email["recipients"]
    asked = world.row("SELECT received_at AS at FROM cancellation_requests WHERE user_id = %s", person.user_id)["at"]
    times = re.findall(r'<time datetime="([^"]+)"', email["html"])
    assert datetime.fromisoformat(times[0]) == asked
    assert times[1:] == [
        promised["cancel_at"],
        promised["data_retention_until"],
        promised["data_retention_until"],
    ]
    ends = datetime.fromisoformat(promised["cancel_at"])
    kept = datetime.fromisoformat(promised["data_retention_until"])
    assert f"{ends:%B} {ends.day}, {ends.year}" in email["subject"]
    for part in (email["html"], email["text"]):
        text = " ".join(re.sub("<[^>]*>", " ", part).split())
        assert "Your Professional plan is cancelled" in text
        assert re.search(rf"Requested on:? {asked:%B} {asked.day}, {asked.year} at ", text)
        assert re.search(rf"Access until:? {ends:%B} {ends.day}, {ends.year}", text)
        assert "We keep your data for 90 days after your plan ends" in text
        assert f"{kept:%B} {kept.day}, {kept.year}" in text
        assert "Reactivate Subscription" in text
        assert re.search("give feedback", text, re.IGNORECASE)
    for url in links(email).values():
        assert url.replace("&amp;", "&") in email["text"]
    assert set(links(email)) == {"reactivate", "feedback"}


def test_the_emails_message_id_is_its_outbox_id(world: World) -> None:
    person = world.person("professional")

    response = world.cancel(person)

    [email] = world.emails(person)
    item = world.row(
        "SELECT id FROM outbox WHERE request_id = %s AND kind = 'cancellation_confirmation'", world.request_id(response)
    )
    assert email["message_id"] == f"<{item['id']}@cancelflow>"


def test_the_emails_links_are_signed_and_change_nothing(world: World) -> None:
    person = world.person("professional")
    response = world.cancel(person)
    [email] = world.emails(person)
    world.run_of(response)
    ours = world.belongings(person.user_id)
    stripes = world.stripe.subscriptions.retrieve(person.subscription_id)
    ends: dict[Purpose, str] = {
        "reactivate": response.json()["cancel_at"],
        "feedback": response.json()["data_retention_until"],
    }

    for purpose, until in ends.items():
        url = links(email)[purpose]
        address, _, token = url.partition("?token=")
        assert address == f"{world.addresses['http']}/{purpose}"
        link = Links(load(LinkSettings)).verify(token, purpose)
        assert (link.subscription_id, link.request_id) == (person.subscription_id, world.request_id(response))
        assert rfc3339(link.expires_at) == until

        page = world.http.get(url)
        assert page.status_code == 200
        assert page.headers["content-type"].startswith("text/html")
        head, claims, signature = token.split(".")
        forged = f"{head}.{claims}.{signature[::-1]}"
        assert world.http.get(f"{address}?token={forged}").status_code == 400

    assert world.belongings(person.user_id) == ours
    assert world.stripe.subscriptions.retrieve(person.subscription_id) == stripes
    assert len(world.simulator.writes(person.subscription_id)) == 1


def test_the_event_is_published_once(world: World) -> None:
    person = world.person("professional")

    with consuming() as consumer:
        response = world.cancel(person, reason="switched_service", feedback=FEEDBACK)
        world.tried(person)
        [message] = consumer.everything_of(person.user_id)

    request_id, ends = world.request_id(response), response.json()["cancel_at"]
    item = world.row(
        "SELECT id, receipt FROM outbox WHERE request_id = %s AND kind = 'subscription.canceled'", request_id
    )
    assert body(message) == {
        "event": "subscription.canceled",
        "user_id": person.user_id,
        "reason": "switched_service",
        "cancel_at": ends,
        "request_id": request_id,
        "effective_at": ends,
        "event_id": str(item["id"]),
    }
    assert dict(message.attributes) == {"event": "subscription.canceled", "event_id": str(item["id"])}
    assert message.ordering_key == person.user_id
    assert message.message_id == item["receipt"]


def test_a_second_cancellation_is_refused_and_repeats_nothing(world: World) -> None:
    person = world.person("professional")
    world.cancel(person)
    world.tried(person)  # the first event must be published before a second listener subscribes
    row = world.row("SELECT * FROM subscriptions WHERE id = %s", person.subscription_id)

    with consuming() as consumer:
        again = world.cancel(person, reason="unused")
        assert consumer.everything_of(person.user_id) == []

    assert again.status_code == 409
    assert again.headers["content-type"] == "application/problem+json"
    assert again.json() == {
        "type": "urn:cancelflow:problem:subscription-already-pending",
        "title": "Subscription already pending",
        "status": 409,
        "detail": PENDING,
        "success": False,
        "request_id": world.request_id(again),
        "subscription_id": person.subscription_id,
    }
    assert len(world.simulator.writes(person.subscription_id)) == 1
    assert len(world.emails(person)) == 1
    assert world.row("SELECT * FROM subscriptions WHERE id = %s", person.subscription_id) == row
    belongings = world.belongings(person.user_id)
    assert [len(belongings[table]) for table in ("cancellation_reasons", "data_retention_jobs", "outbox")] == [1, 1, 2]
    audit = world.rows("SELECT outcome, http_status FROM audit_log WHERE user_id = %s ORDER BY id", person.user_id)
    assert [tuple(row.values()) for row in audit] == [("pending_cancellation", 200), ("refused", 409)]


@pytest.mark.parametrize("attempt", range(3))
def test_one_of_several_concurrent_cancellations_is_carried_out(world: World, attempt: int) -> None:
    person = world.person("professional")

    with consuming() as consumer:
        responses = concurrently(*[lambda: world.cancel(person)] * 3)
        world.tried(person)
        events = consumer.everything_of(person.user_id)

    assert sorted(response.status_code for response in responses) == [200, 409, 409]
    texts = {response.json()["detail"] for response in responses if response.status_code == 409}
    assert texts <= {PENDING, "A request for this subscription is already under way"}
    assert (len(events), len(world.emails(person)), len(world.simulator.writes(person.subscription_id))) == (1, 1, 1)
    belongings = world.belongings(person.user_id)
    assert [len(belongings[table]) for table in ("cancellation_reasons", "data_retention_jobs", "outbox")] == [1, 1, 2]
    outcomes = sorted(row["outcome"] for row in belongings["audit_log"])
    assert outcomes == ["pending_cancellation", "refused", "refused"]


def test_a_pending_subscription_has_no_offer(world: World) -> None:
    person = world.person("professional")
    world.cancel(person)

    offer = world.http.get("/retention-offer", headers=person.headers)
    accepted = world.accept(person)

    assert offer.json() == {"retention_offer": None, "show_offer": False}
    assert (accepted.status_code, accepted.json()["detail"]) == (409, PENDING)
    assert len(world.simulator.writes(person.subscription_id)) == 1


def test_the_dashboard_shows_when_the_subscription_ends(world: World) -> None:
    person = world.person("professional")
    before = world.http.get("/subscription", headers=person.headers).json()

    response = world.cancel(person)

    after = world.http.get("/subscription", headers=person.headers).json()
    ends = datetime.fromisoformat(response.json()["cancel_at"])
    assert (before["status"], before["access"], before["cancel_at"], before["banner"]) == ("active", True, None, None)
    assert after == {
        "subscription_id": person.subscription_id,
        "plan": "professional",
        "plan_name": "Professional",
        "status": "pending_cancellation",
        "access": True,
        "current_period_end": response.json()["cancel_at"],
        "cancel_at_period_end": True,
        "cancel_at": response.json()["cancel_at"],
        "banner": f"Cancels on {ends:%B} {ends.day}, {ends.year}",
        "paused": False,
        "resumes_at": None,
        "discounts": [],
        "scheduled_change": None,
        "next_charge": None,
    }


def test_access_lasts_until_the_period_ends_and_no_longer(world: World) -> None:
    time = clock(world)
    person = subscriber(world, on=time)
    world.cancel(person)
    ends = int(ends_in_stripe(world, person).timestamp())

    time.advance(ends - 1)
    until_then = world.http.get("/subscription", headers=person.headers).json()
    time.advance(ends)
    from_then_on = world.http.get("/subscription", headers=person.headers).json()
    again = world.cancel(person)

    assert (until_then["status"], until_then["access"]) == ("pending_cancellation", True)
    assert (from_then_on["status"], from_then_on["access"], from_then_on["banner"]) == ("canceled", False, None)
    assert world.stripe.subscriptions.retrieve(person.subscription_id).status == "canceled"
    [paid] = world.stripe.invoices.list({"subscription": person.subscription_id}).data
    assert paid.billing_reason == "subscription_create"
    assert (again.status_code, again.json()["detail"]) == (404, "No active subscription to cancel")
