"""Fifty concurrent requests for one subscription, over three triggers: one takes effect, the others are refused."""

import json
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import cycle, islice
from typing import Any

import pytest

from tests.faults.branches import effects_at_stripe
from tests.faults.triggers import Trigger, Triggers
from tests.faults.volley import Result, Shot, fire
from tests.waiting import eventually
from tests.world import Person, Row, World

REQUESTS = 50
TRIGGERS = 3
FINISH_SECONDS = 300.0
CANCEL: dict[str, Any] = {"reason": "too_expensive"}
ACCEPT: dict[str, Any] = {"accept_offer": True}
SUCCEEDED = (200, 202)  # 202: a busy machine
UNDER_WAY = "A request for this subscription is already under way"
NO_OFFER = "No retention offer is available for this subscription"
KEY_UNDER_WAY = "The request with this Idempotency-Key is still under way"


@pytest.fixture(scope="module")
def three(triggers: Triggers) -> Iterator[list[Trigger]]:
    with ExitStack() as running:
        yield [running.enter_context(triggers.started()) for _ in range(TRIGGERS)]


@pytest.mark.parametrize("first", [CANCEL, ACCEPT], ids=["cancel first", "accept first"])
def test_exactly_one_of_fifty_concurrent_requests_takes_effect(
    world: World, three: list[Trigger], first: dict[str, object]
) -> None:
    person = world.person("professional")
    second = ACCEPT if first is CANCEL else CANCEL

    results = _race(three, [(person, body) for body in (first, second)])

    [winner] = [each for each in results if each.status in SUCCEEDED]
    request = _when_done(world, person)[-1]
    assert winner.response
    assert world.request_id(winner.response) == str(request["id"])
    assert _outcome(world, winner) == request["response"]
    for each in results:
        if each is not winner:
            _assert_refused_as_under_way(each, str(request["id"]))
    accepted = winner.shot.body is ACCEPT
    _assert_one_effect(world, person, accepted=accepted)
    outcome = "retained" if accepted else "pending_cancellation"
    assert _audited(world, person) == {
        (outcome, 200, None): 1,
        ("refused", 409, "request-under-way"): REQUESTS - 1,
    }


def test_every_refused_caller_gets_a_retry_after_header(world: World, three: list[Trigger]) -> None:
    person = world.person("professional")

    responses = [each.response for each in _race(three, [(person, CANCEL)]) if each.response and each.status == 409]

    assert all("Retry-After" in response.headers for response in responses)


def test_one_offer_is_applied_however_many_subscriptions_compete_for_it(world: World, three: list[Trigger]) -> None:
    person = world.person("two_subscriptions")

    named = [(person, {**ACCEPT, "subscription_id": each}) for each in person.subscription_ids]
    results = _race(three, named)

    [winner] = [each for each in results if each.status in SUCCEEDED]
    requests = _when_done(world, person)
    assert Counter(row["outcome"] for row in requests) == {"retained": 1, "refused": REQUESTS - 1}
    assert {each.status for each in results if each is not winner} == {409}
    [loser] = [each for each in person.subscription_ids if each != winner.shot.body["subscription_id"]]
    assert {_detail(each) for each in results if each.shot.body["subscription_id"] == loser} == {NO_OFFER, UNDER_WAY}
    assert len(_offers(world, person)) == 1
    assert sum(_writes(world, each) for each in person.subscription_ids) == 1
    assert world.stripe.subscriptions.retrieve(loser).discounts == []


def test_fifty_requests_with_one_idempotency_key_are_one_request(world: World, three: list[Trigger]) -> None:
    person, other, key = world.person("professional"), world.person("professional"), str(uuid.uuid4())

    results = _race(three, [(person, CANCEL)], key)
    [request] = _when_done(world, person)

    statuses = {each.status for each in results}
    assert (409 in statuses, statuses <= {*SUCCEEDED, 409}) == (True, True)
    assert any(status in SUCCEEDED for status in statuses)
    responses = {json.dumps(_outcome(world, each)) for each in results if each.status in SUCCEEDED}
    assert len(responses) == 1
    for each in results:
        if each.status == 409:
            assert each.response
            assert each.response.json()["detail"] == KEY_UNDER_WAY
            assert each.response.json()["request_id"] == str(request["id"])
            assert int(each.response.headers["Retry-After"]) >= 1
    _assert_one_effect(world, person, accepted=False)

    for trigger in three:
        again = trigger.cancel(person, key=key)
        assert (again.status_code, world.request_id(again)) == (200, str(request["id"]))
        assert {json.dumps(again.json())} == responses
        assert trigger.accept(person, key=key).status_code == 422
    assert three[0].cancel(other, key=key).status_code in SUCCEEDED
    _when_done(world, other)
    _assert_one_effect(world, person, accepted=False)
    _assert_one_effect(world, other, accepted=False)


def _race(
    triggers: list[Trigger], asking: Sequence[tuple[Person, dict[str, Any]]], key: str | None = None
) -> list[Result]:
    """Send all of them concurrently, distributed over the triggers."""
    turns = zip(cycle(triggers), cycle(asking), strict=False)
    return fire([Shot(trigger.url, person, body, key) for trigger, (person, body) in islice(turns, REQUESTS)])


def _when_done(world: World, person: Person) -> list[Row]:
    """Return their requests when no work is left, refused ones first."""
    requests = "SELECT * FROM cancellation_requests WHERE user_id = %s ORDER BY outcome <> 'refused', received_at"
    eventually(
        lambda: all(row["resume_at"] is None for row in world.rows(requests, person.user_id)), within=FINISH_SECONDS
    )
    return world.rows(requests, person.user_id)


def _outcome(world: World, result: Result) -> Row:
    """Return the response of a request that is finished, from its location if the first one said that it wasn't."""
    assert result.response
    response = result.response
    if result.status == 202:
        response = world.http.get(response.headers["Location"], headers=result.shot.person.headers)
    found: Row = response.json()
    return found


def _assert_refused_as_under_way(result: Result, winner: str) -> None:
    assert result.response
    assert result.status == 409, result.response.text
    problem = result.response.json()
    assert (problem["detail"], problem["under_way"]) == (UNDER_WAY, winner)
    assert problem["location"] == f"/cancellation-requests/{winner}"


def _assert_one_effect(world: World, person: Person, *, accepted: bool) -> None:
    found = world.stripe.subscriptions.retrieve(person.subscription_id)
    rows = world.belongings(person.user_id)
    assert len(effects_at_stripe(world, person)) == 1
    assert (len(found.discounts), found.cancel_at_period_end) == (int(accepted), not accepted)
    assert len(_offers(world, person)) == int(accepted)
    assert len(world.emails(person)) == int(not accepted)
    for table in ("cancellation_reasons", "data_retention_jobs"):
        assert len(rows[table]) == int(not accepted), table


def _offers(world: World, person: Person) -> list[Row]:
    return world.rows("SELECT * FROM retention_offers WHERE user_id = %s AND state <> 'withdrawn'", person.user_id)


def _writes(world: World, subscription_id: str) -> int:
    writes = world.simulator.requests(method="POST", path=f"/v1/subscriptions/{subscription_id}")
    return sum(1 for write in writes if write["status"] == 200 and not write["replayed"])


def _audited(world: World, person: Person) -> Counter[tuple[Any, ...]]:
    rows = world.rows("SELECT outcome, http_status, problem FROM audit_log WHERE user_id = %s", person.user_id)
    return Counter(tuple(row.values()) for row in rows)


def _detail(result: Result) -> str | None:
    return str(result.response.json().get("detail")) if result.response else None
