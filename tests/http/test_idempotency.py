"""`Idempotency-Key`: a retry does not create a second request."""

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import httpx

from tests.world import Person, World


def ask(world: World, person: Person, key: str, **body: object) -> httpx.Response:
    return world.http.post(
        "/cancel-subscription",
        json={"user_id": person.user_id, "reason": "unused", **body},
        headers={**person.headers, "Idempotency-Key": key},
    )


def test_the_same_key_and_body_get_the_same_response_byte_for_byte(world: World) -> None:
    person, key = world.person("professional"), str(uuid4())

    first, again = ask(world, person, key), ask(world, person, key)

    assert first.status_code == again.status_code == 200
    assert first.content == again.content
    assert world.request_id(first) == world.request_id(again)
    assert len(world.simulator.writes(person.subscription_id)) == 1
    assert len(world.emails(person)) == 1


def test_a_refusal_is_replayed_too(world: World) -> None:
    person, key = world.person("no_subscription"), str(uuid4())

    first, again = ask(world, person, key), ask(world, person, key)

    assert first.status_code == again.status_code == 404
    assert first.content == again.content


def test_the_same_key_with_another_body_is_refused(world: World) -> None:
    person, key = world.person("professional"), str(uuid4())
    ask(world, person, key)

    other = ask(world, person, key, feedback="another word")

    assert other.status_code == 422
    assert other.json()["detail"] == "This Idempotency-Key was used with another body"
    assert len(world.rows("SELECT id FROM cancellation_requests WHERE user_id = %s", person.user_id)) == 1


def test_a_key_applies_to_one_caller(world: World) -> None:
    one, other, key = world.person("professional"), world.person("professional"), str(uuid4())

    responses = [ask(world, person, key) for person in (one, other)]

    assert [response.status_code for response in responses] == [200, 200]
    assert world.request_id(responses[0]) != world.request_id(responses[1])


def test_a_key_can_be_reused_after_a_day(world: World) -> None:
    person, key = world.person("professional"), str(uuid4())
    ask(world, person, key)
    world.admin.execute(
        "UPDATE idempotency_keys SET created_at = now() - interval '25 hours' WHERE user_id = %s", [person.user_id]
    )

    assert ask(world, person, key).status_code == 409  # a separate request: already scheduled


def test_the_same_key_retries_a_failed_request(world: World) -> None:
    person, key = world.person("professional"), str(uuid4())
    with world.simulator.fault(kind="status", status=500, method="POST", contains=person.subscription_id, times=0):
        failed = ask(world, person, key)
    assert failed.status_code == 500

    again = ask(world, person, key)

    assert again.status_code == 200
    assert world.request_id(again) == world.request_id(failed)
    requests = world.rows("SELECT outcome FROM cancellation_requests WHERE user_id = %s", person.user_id)
    assert [request["outcome"] for request in requests] == ["pending_cancellation"]


def test_concurrent_requests_with_one_key_are_carried_out_once(world: World) -> None:
    person, key = world.person("professional"), str(uuid4())

    with ThreadPoolExecutor(8) as pool:
        responses = list(pool.map(lambda _: ask(world, person, key), range(8)))

    assert {response.status_code for response in responses} <= {200, 409}
    assert len({response.content for response in responses if response.status_code == 200}) == 1
    for response in responses:
        if response.status_code == 409:
            assert response.json()["type"] == "urn:cancelflow:problem:key-under-way"
            assert int(response.headers["Retry-After"]) > 0
    assert len(world.simulator.writes(person.subscription_id)) == 1
