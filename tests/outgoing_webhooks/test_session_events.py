"""The events of a session, whatever its outcome (FEATURES U19, U24, F12)."""

from collections.abc import Callable
from uuid import UUID

import pytest

from deployments.operations.requests import resume
from flows.close_idle_sessions import close_idle_sessions
from nodes.settings import DatabaseSettings, load
from tests.acceptance.subscribers import subscriber
from tests.cancel_page.blueprints import price_of
from tests.cancel_page.visitor import Visitor, sessions_of, token
from tests.deletion.former_customers import swept
from tests.offers.company import Company
from tests.outgoing_webhooks.receivers import Endpoints, about, deliveries, events
from tests.sdk.component import Component
from tests.waiting import eventually
from tests.world import Person, Row, World

# The Stripe SDK triggers this httpx deprecation warning.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload raw bytes:DeprecationWarning"),
]

Made = Callable[..., Component]
TEXT = "Far too dear for me"


def session_of(world: World, person: Person) -> Row:
    [found] = sessions_of(world, person)
    return found


def nothing_happens(world: World, person: Person, minutes: int = 31) -> None:
    """Move the customer's last activity into the past."""
    world.admin.execute(
        "UPDATE cancel_sessions SET active_at = now() - make_interval(mins => %s) WHERE user_id = %s",
        [minutes, person.user_id],
    )


def under_way(world: World, person: Person, offer: str) -> UUID:
    """Let the person's session have accepted a discount that takes long."""
    made = world.admin.execute(
        """INSERT INTO change_requests (user_id, asked_user_id, asked_subscription, origin, kind, offer_id, resume_at)
        VALUES (%(user)s, %(user)s, %(of)s, 'api', 'discount', %(offer)s, now() + interval '1 hour') RETURNING id""",
        {"user": person.user_id, "of": person.subscription_id, "offer": offer},
    ).fetchone()
    assert made
    request_id: UUID = made["id"]
    world.admin.execute("UPDATE cancel_sessions SET change_id = %s WHERE user_id = %s", [request_id, person.user_id])
    return request_id


def outcomes(endpoints: Endpoints, person: Person) -> list[str]:
    """Return those of the sessions that were completed."""
    found = [each.body for each in about(endpoints.every.accepted, person)]
    return sorted(each["data"]["outcome"] for each in found if each["type"] == "session.completed")


def test_a_cancelled_session_has_the_offers_presented_and_the_reason(
    company: Company, guest: Visitor, endpoints: Endpoints
) -> None:
    world, person = company.world, company.customer()
    guest.open(token(person))
    guest.press("next", reason="wants_all", **{"text-wants_all": TEXT})
    guest.press("next")
    guest.press("cancel")  # declines the second offers

    found = events(world, endpoints, person, "session.started", "session.completed", "subscription.canceled")

    session = session_of(world, person)
    ids = {"session_id": str(session["id"]), "user_id": person.user_id, "subscription_id": person.subscription_id}
    blueprint = {"livemode": False, "blueprint": "default", "blueprint_version": 1}
    assert found["session.started"] == ids | blueprint
    completed = found["session.completed"].copy()
    offers = {each["offer_id"]: each["response"] for each in completed.pop("offers")}
    request_id = str(session["cancellation_id"])
    assert completed == ids | blueprint | {"outcome": "cancelled", "request_id": request_id, "reason": "wants_all"}
    passed = [offer for step in session["progress"]["passed"] for offer in step["offers"]]
    assert offers == dict.fromkeys(passed, "declined")
    assert {"half", "pause"} <= set(offers)
    canceled = found["subscription.canceled"].copy()
    assert canceled.pop("cancel_at").endswith("Z")
    assert canceled == ids | {"request_id": request_id, "plan": "team", "origin": "api"}
    assert TEXT not in str([each.body for each in about(endpoints.every.accepted, person)])


def test_a_saved_session_names_the_accepted_offer(company: Company, guest: Visitor, endpoints: Endpoints) -> None:
    world, person = company.world, company.customer()
    guest.open(token(person))
    guest.press("next", reason="wants_pause")
    guest.accept("")

    types = ("session.started", "session.completed", "offer.accepted", "subscription.paused")
    found = events(world, endpoints, person, *types)

    completed, session = found["session.completed"], session_of(world, person)
    assert (completed["outcome"], completed["reason"]) == ("saved", "wants_pause")
    offers = {each["offer_id"]: each["response"] for each in completed["offers"]}
    assert offers.pop("pause") == "accepted"
    assert set(offers.values()) == {"none"}
    change = found["offer.accepted"]
    assert change == found["subscription.paused"]
    assert (change["session_id"], change["request_id"]) == (str(session["id"]), str(session["change_id"]))
    assert completed["request_id"] == change["request_id"]
    assert (change["kind"], change["offer_id"], change["origin"]) == ("pause", "pause", "api")


def test_another_offer_that_is_refused_leaves_the_session_with_the_first(
    company: Company, guest: Visitor, endpoints: Endpoints
) -> None:
    world, person = company.world, company.customer()
    guest.open(token(person))
    guest.press("next", reason="wants_all")
    first = under_way(world, person, "half")

    guest.accept("$5")

    assert "A request for this subscription is already under way" in guest.text
    assert "isn't available" not in guest.text
    world.admin.execute("UPDATE change_requests SET resume_at = now() WHERE id = %s", [first])
    types = ("session.started", "session.completed", "offer.accepted", "subscription.discounted")
    found = events(world, endpoints, person, *types)
    assert (found["session.completed"]["outcome"], found["session.completed"]["request_id"]) == ("saved", str(first))
    assert found["offer.accepted"]["session_id"] == str(session_of(world, person)["id"])


@pytest.mark.usefixtures("here")
def test_a_session_that_waits_for_an_operator_is_manual_and_completed_later(
    company: Company, guest: Visitor, endpoints: Endpoints
) -> None:
    world = company.world
    person = subscriber(world, plan="manual", price=price_of(world, "manual"))
    guest.open(token(person))
    guest.press("cancel")
    found = events(world, endpoints, person, "session.started", "session.completed")
    assert found["session.completed"]["outcome"] == "manual"

    resume(load(DatabaseSettings), session_of(world, person)["id"])

    completed = ("session.completed", "session.completed")
    events(world, endpoints, person, "session.started", *completed, "subscription.canceled")
    assert outcomes(endpoints, person) == ["cancelled", "manual"]


@pytest.mark.usefixtures("here")
def test_what_was_sent_and_deleted_is_not_sent_again(company: Company, guest: Visitor, endpoints: Endpoints) -> None:
    """A request that waits for an operator may be completed after its session's first deliveries were deleted."""
    world = company.world
    person = subscriber(world, plan="manual", price=price_of(world, "manual"))
    guest.open(token(person))
    guest.press("cancel")
    events(world, endpoints, person, "session.started", "session.completed")
    eventually(lambda: all(each["delivered_at"] for each in deliveries(world, person).values()))
    for table, column in (("cancel_sessions", "opened_at"), ("webhook_deliveries", "at")):
        moved = f"UPDATE {table} SET {column} = {column} - interval '31 days' WHERE user_id = %s"
        world.admin.execute(moved.encode(), [person.user_id])
    world.admin.execute("SELECT prune_webhooks(1000)")
    assert deliveries(world, person) == {}

    resume(load(DatabaseSettings), session_of(world, person)["id"])

    eventually(lambda: "subscription.canceled" in deliveries(world, person))
    assert deliveries(world, person).keys() == {"session.completed", "subscription.canceled"}


def test_a_session_in_which_stripe_fails_is_errored_and_can_still_be_completed(
    company: Company, guest: Visitor, endpoints: Endpoints
) -> None:
    world, person = company.world, company.customer()
    fault = {"kind": "status", "method": "POST", "path": "/v1/subscriptions/", "contains": person.subscription_id}
    guest.open(token(person))
    with world.simulator.fault(**fault, times=0):
        guest.press("cancel")
        assert session_of(world, person)["outcome"] == "errored"
    guest.press("cancel")

    completed = ("session.completed", "session.completed")
    events(world, endpoints, person, "session.started", *completed, "subscription.canceled")
    assert outcomes(endpoints, person) == ["cancelled", "errored"]


@pytest.mark.usefixtures("here")
def test_a_session_that_was_left_is_abandoned_once_and_may_be_completed_later(
    company: Company, guest: Visitor, endpoints: Endpoints
) -> None:
    world, person = company.world, company.customer()
    guest.open(token(person))
    guest.press("next", reason="wants_pause")
    nothing_happens(world, person, minutes=29)
    assert swept(close_idle_sessions).is_completed()
    assert "session.abandoned" not in deliveries(world, person)

    nothing_happens(world, person)
    assert swept(close_idle_sessions).is_completed()
    assert swept(close_idle_sessions).is_completed()

    abandoned = events(world, endpoints, person, "session.started", "session.abandoned")["session.abandoned"]
    assert (abandoned["session_id"], abandoned["reason"]) == (str(session_of(world, person)["id"]), "wants_pause")
    assert [each["response"] for each in abandoned["offers"]] == ["none"] * len(abandoned["offers"]) != []

    guest.reload()
    assert session_of(world, person)["idle_at"] is None
    guest.press("cancel")
    late = ("session.completed", "subscription.canceled")
    found = events(world, endpoints, person, "session.started", "session.abandoned", *late)
    assert (found["session.completed"]["outcome"], found["session.completed"]["session_id"]) == (
        "cancelled",
        abandoned["session_id"],
    )
    nothing_happens(world, person)
    assert swept(close_idle_sessions).is_completed()
    assert len(deliveries(world, person)) == 4


@pytest.mark.usefixtures("here")
def test_a_preview_has_no_events(company: Company, guest: Visitor) -> None:
    person = company.customer()
    guest.open(token(person, preview=True))
    nothing_happens(company.world, person)
    assert swept(close_idle_sessions).is_completed()
    assert session_of(company.world, person)["idle_at"] is not None
    assert deliveries(company.world, person) == {}


def test_a_session_without_a_record_keeps_the_offers_to_itself(
    company: Company, guest: Visitor, endpoints: Endpoints
) -> None:
    person = company.customer()
    guest.open(token(person, record=False))
    guest.press("next", reason="wants_all")
    guest.press("cancel")
    types = ("session.started", "session.completed", "subscription.canceled")
    assert events(company.world, endpoints, person, *types)["session.completed"]["offers"] == []


def test_an_endpoint_gets_only_the_types_that_it_takes(company: Company, guest: Visitor, endpoints: Endpoints) -> None:
    world, person = company.world, company.customer()
    guest.open(token(person))
    guest.press("cancel")
    [got] = eventually(lambda: about(endpoints.few.accepted, person))
    assert got.body["type"] == "session.completed"
    assert list(deliveries(world, person, "few")) == ["session.completed"]
    eventually(lambda: len(about(endpoints.every.accepted, person)) == 3)
    assert got.id not in [each.id for each in about(endpoints.every.accepted, person)]


# The React component


def test_the_components_reason_is_waited_for(company: Company, component: Made, endpoints: Endpoints) -> None:
    world, person = company.world, company.customer()
    shown = component(person)
    shown.flow()
    assert shown.cancel().status_code == 200
    waiting = deliveries(world, person)["session.completed"]
    assert (waiting["attempts"], "reason" in waiting["data"]) == (0, False)

    assert shown.record(canceled=True, surveyChoiceId="wants_all", feedback=TEXT).status_code == 204

    types = ("session.started", "session.completed", "subscription.canceled")
    completed = events(world, endpoints, person, *types)["session.completed"]
    assert (completed["outcome"], completed["reason"]) == ("cancelled", "wants_all")


def test_a_component_that_is_closed_is_abandoned(company: Company, component: Made, endpoints: Endpoints) -> None:
    world, person = company.world, company.customer()
    shown = component(person)
    shown.flow()

    for _ in range(2):  # the component doesn't know whether the first one arrived
        assert shown.record(aborted=True, surveyChoiceId="wants_all").status_code == 204

    found = events(world, endpoints, person, "session.started", "session.abandoned")
    assert found["session.abandoned"]["reason"] == "wants_all"

    shown.flow()  # opened again, with the same token
    session = session_of(world, person)
    assert (session["outcome"], session["idle_at"]) == (None, None)
