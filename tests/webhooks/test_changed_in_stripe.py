"""A pause, its end, a longer trial or another plan made in Stripe is recorded as if it had been made here (F29)."""

from datetime import UTC, datetime
from typing import Any

import pytest

from deployments.demo.catalog import Catalog
from tests.acceptance.subscribers import Clock, clock, subscriber
from tests.waiting import eventually
from tests.webhooks.events import deliver, events_about, order, settled
from tests.world import Person, Row, World

pytestmark = pytest.mark.slow

DAY = 86_400


def changes(world: World, person: Person) -> list[Row]:
    return world.rows(
        "SELECT kind, origin, outcome, agreed FROM change_requests WHERE user_id = %s ORDER BY received_at",
        person.user_id,
    )


def recorded(world: World, person: Person, *kinds: str) -> list[Row]:
    """Return the recorded changes once there are these, and nothing is left to do."""

    def look() -> list[Row] | None:
        settled(world, person)
        found = changes(world, person)
        return found if [each["kind"] for each in found] == [*kinds] else None

    found = eventually(look)
    assert found is not None, changes(world, person)
    return found


def subscribed(world: World, **more: Any) -> tuple[Clock, Person]:
    on = clock(world)
    return on, subscriber(world, on=on, **more)


def pause(world: World, person: Person, resumes_at: int) -> None:
    params = {"pause_collection": {"behavior": "void", "resumes_at": resumes_at}}
    order(world, "portal", subscription=person.subscription_id, action="update", params=params)


@pytest.mark.parametrize("place", ["portal", "dashboard"])
def test_a_pause_is_recorded_confirmed_and_published(world: World, place: str) -> None:
    on, person = subscribed(world)
    until = on.now + 40 * DAY
    params = {"pause_collection": {"behavior": "void", "resumes_at": until}}
    order(world, place, subscription=person.subscription_id, action="update", params=params)

    [change] = recorded(world, person, "pause")
    assert (change["origin"], change["outcome"]) == ("stripe", "changed")
    assert change["agreed"]["resumes_at"] == datetime.fromtimestamp(until, UTC).isoformat().replace("+00:00", "Z")
    [email] = world.emails(person)
    assert "is paused until" in email["subject"]
    outbox = world.rows("SELECT kind FROM outbox WHERE user_id = %s ORDER BY kind", person.user_id)
    assert [each["kind"] for each in outbox] == ["change_confirmation", "subscription.changed"]
    shown = world.http.get("/subscription", headers=person.headers).json()
    assert (shown["paused"], shown["access"]) == (True, False)
    assert world.simulator.writes(person.subscription_id) == []


def test_a_pause_that_stripe_ends_by_itself_is_recorded(world: World) -> None:
    on, person = subscribed(world)
    pause(world, person, on.now + 40 * DAY)
    recorded(world, person, "pause")

    on.advance(on.now + 41 * DAY)

    recorded(world, person, "pause", "resume")
    assert "has resumed" in world.emails(person)[0]["subject"]
    row = world.row("SELECT pause_behavior, resumes_at FROM subscriptions WHERE id = %s", person.subscription_id)
    assert row == {"pause_behavior": None, "resumes_at": None}


def test_a_pause_that_was_accepted_here_and_ends_by_itself_is_recorded_once(world: World) -> None:
    on, person = subscribed(world)
    assert world.http.post("/offers/pause/accept", json={"months": 1}, headers=person.headers).status_code == 200
    recorded(world, person, "pause")

    on.advance(on.now + 45 * DAY)

    [here, stripe] = recorded(world, person, "pause", "resume")
    assert (here["origin"], stripe["origin"]) == ("api", "stripe")


def test_a_longer_pause_is_recorded_as_another_one(world: World) -> None:
    on, person = subscribed(world)
    pause(world, person, on.now + 40 * DAY)
    recorded(world, person, "pause")
    pause(world, person, on.now + 70 * DAY)
    recorded(world, person, "pause", "pause")


def test_events_that_come_twice_and_late_record_it_once(world: World) -> None:
    on, person = subscribed(world)
    pause(world, person, on.now + 40 * DAY)
    recorded(world, person, "pause")
    for event in events_about(world, person.subscription_id):
        assert deliver(world, event.id).status_code == 200

    settled(world, person)
    recorded(world, person, "pause")


def test_a_longer_trial_is_recorded(world: World) -> None:
    on, person = subscribed(world, trial_days=10)
    longer = {"trial_end": on.now + 30 * DAY}
    order(world, "dashboard", subscription=person.subscription_id, action="update", params=longer)
    [change] = recorded(world, person, "trial_extension")
    assert change["origin"] == "stripe"
    offers = world.http.get("/offers", headers=person.headers).json()["offers"]
    assert "longer-trial" not in [each["id"] for each in offers], "a trial is extended once"


def test_a_shorter_trial_and_its_end_are_not_recorded(world: World) -> None:
    on, person = subscribed(world, trial_days=10)
    shorter = {"trial_end": on.now + 5 * DAY}
    order(world, "dashboard", subscription=person.subscription_id, action="update", params=shorter)
    on.advance(on.now + 6 * DAY)
    settled(world, person)
    assert changes(world, person) == []


def test_a_change_to_an_offered_plan_is_recorded_and_any_other_is_not(world: World) -> None:
    _, person = subscribed(world)
    prices = Catalog(world.stripe_client)

    def change_to(price: str) -> None:
        [item] = world.stripe.subscriptions.retrieve(person.subscription_id).items.data
        params = {"items": [{"id": item.id, "price": price}], "proration_behavior": "none"}
        order(world, "portal", subscription=person.subscription_id, action="update", params=params)

    change_to(prices.price("enterprise", "month"))
    settled(world, person)
    assert changes(world, person) == []
    assert world.row("SELECT plan FROM subscriptions WHERE id = %s", person.subscription_id)["plan"] == "enterprise"

    change_to(prices.price("starter", "month"))
    [change] = recorded(world, person, "plan_change")
    assert (change["origin"], change["agreed"]["new_plan"]) == ("stripe", "starter")
