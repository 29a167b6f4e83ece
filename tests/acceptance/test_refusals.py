"""Bad input: FEATURES W01, W02, W25, W28, W29. A clear response, an audit row, and no other change anywhere."""

import json
import uuid
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from nodes.rules.reasons import REASONS
from tests.acceptance.trigger import serving
from tests.world import Person, Row, World

MAX_BODY_BYTES = 64 * 1024
RECORDS = ("attempts", "audit_log", "cancellation_requests")  # the records of an attempt, whatever its outcome


class Wrong(NamedTuple):
    """A body with one invalid member; None removes the member."""

    changed: dict[str, Any]
    pointer: str


WRONG = {
    "accept_offer is a word": Wrong({"accept_offer": "yes"}, "#/accept_offer"),
    "accept_offer is text": Wrong({"accept_offer": "true"}, "#/accept_offer"),
    "accept_offer is a number": Wrong({"accept_offer": 1}, "#/accept_offer"),
    "accept_offer is null": Wrong({"accept_offer": None}, "#/accept_offer"),
    "reason is a number": Wrong({"reason": 5}, "#/reason"),
    "reason is a list": Wrong({"reason": ["unused"]}, "#/reason"),
    "reason in capitals": Wrong({"reason": "TOO_EXPENSIVE"}, "#/reason"),
    "feedback is an object": Wrong({"feedback": {"text": "x"}}, "#/feedback"),
    "feedback is too long": Wrong({"feedback": "x" * 5001}, "#/feedback"),
    "feedback has NUL": Wrong({"feedback": "a\x00b"}, "#/feedback"),
    "user_id is empty": Wrong({"user_id": ""}, "#/user_id"),
    "user_id is too long": Wrong({"user_id": "x" * 256}, "#/user_id"),
    "user_id has NUL": Wrong({"user_id": "a\x00b"}, "#/user_id"),
    "user_id is a number": Wrong({"user_id": 5}, "#/user_id"),
    "subscription_id is a number": Wrong({"subscription_id": 5}, "#/subscription_id"),
    "subscription_id is malformed": Wrong({"subscription_id": "sub_1/../sub_2"}, "#/subscription_id"),
    "an unknown member": Wrong({"accept_ofer": True}, "#/accept_ofer"),
}


class Watch:
    """A snapshot of a customer in our tables and in Stripe before the attempt."""

    def __init__(self, world: World, person: Person) -> None:
        self._world, self._person = world, person
        self._rows = self._stored_rows()
        self._calls = self._stripe_calls()

    def nothing_changed(self) -> None:
        """Check that there is no row besides the attempt's records, and no call to Stripe."""
        assert self._stored_rows() == self._rows
        assert self._stripe_calls() == self._calls
        assert self._world.emails(self._person) == []

    def _stored_rows(self) -> dict[str, list[Row]]:
        rows = self._world.belongings(self._person.user_id)
        return {table: found for table, found in rows.items() if table not in RECORDS}

    def _stripe_calls(self) -> int:
        return sum(len(self._world.simulator.requests(contains=each)) for each in self._person.subscription_ids)


def send(world: World, person: Person, content: bytes | str, content_type: str = "application/json") -> httpx.Response:
    headers = {**person.headers, "Content-Type": content_type}
    return world.http.post("/cancel-subscription", content=content, headers=headers)


def refused(response: httpx.Response, status: int, slug: str) -> Row:
    """Return the problem, after checking the members that every problem has."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem: Row = response.json()
    assert (problem["status"], problem["success"]) == (status, False)
    assert problem["type"] == f"urn:cancelflow:problem:{slug}"
    assert problem["title"]
    return problem


def audited(world: World, person: Person, status: int, slug: str) -> Row:
    """Return the attempt's only audit row."""
    audit = world.row("SELECT * FROM audit_log WHERE user_id = %s", person.user_id)
    assert (audit["action"], audit["outcome"]) == ("cancel_subscription", "refused")
    assert (audit["http_status"], audit["problem"]) == (status, slug)
    assert audit["stripe_request_id"] is None
    return audit


def unreadable(world: World, person: Person, status: int, slug: str) -> None:
    """Check that a body that could not be read leaves an audit row and no request."""
    assert audited(world, person, status, slug)["request_id"] is None
    assert world.belongings(person.user_id)["cancellation_requests"] == []


def test_another_users_id_is_refused_without_a_look_up(world: World) -> None:
    mallory, victim = world.person("professional"), world.person("professional")
    watches = [Watch(world, mallory), Watch(world, victim)]

    response = world.cancel(mallory, user_id=victim.user_id, feedback="please")

    problem = refused(response, 403, "not-your-subscription")
    assert problem["detail"] == "A user can cancel only their own subscription"
    for watch in watches:
        watch.nothing_changed()
    audit = audited(world, mallory, 403, "not-your-subscription")
    request = world.row("SELECT * FROM cancellation_requests WHERE user_id = %s", mallory.user_id)
    assert str(audit["request_id"]) == str(request["id"]) == world.request_id(response) == problem["request_id"]
    assert str(audit["asked_user_id"]) == str(request["asked_user_id"]) == victim.user_id
    assert (request["outcome"], request["http_status"], request["flow_run_id"]) == ("refused", 403, None)
    assert (request["subscription_id"], request["runs"], request["resume_at"]) == (None, 0, None)
    for table in RECORDS:
        assert world.belongings(victim.user_id)[table] == []


def test_another_users_subscription_id_counts_as_unknown(world: World) -> None:
    mallory, victim = world.person("professional"), world.person("professional")
    watches = [Watch(world, mallory), Watch(world, victim)]

    for response in (
        world.cancel(mallory, subscription_id=victim.subscription_id),
        world.accept(mallory, subscription_id=victim.subscription_id),
    ):
        assert refused(response, 404, "no-active-subscription")["detail"] == "No active subscription to cancel"
    for path in ("/retention-offer", "/subscription"):
        wanted = {"subscription_id": victim.subscription_id}
        assert world.http.get(path, headers=mallory.headers, params=wanted).status_code == 404
    for watch in watches:
        watch.nothing_changed()


def test_an_unknown_user_with_a_valid_token_has_nothing_to_cancel(world: World) -> None:
    user_id = str(uuid.uuid4())
    stranger = Person("stranger", user_id, "stranger@example.com", [], world.headers(user_id))

    response = world.cancel(stranger)

    assert refused(response, 404, "no-active-subscription")["detail"] == "No active subscription to cancel"
    audited(world, stranger, 404, "no-active-subscription")


@pytest.mark.parametrize("given", [{}, {"reason": None}, {"reason": ""}], ids=["absent", "null", "empty"])
def test_a_cancellation_needs_a_reason(world: World, given: dict[str, Any]) -> None:
    person = world.person("professional")
    watch = Watch(world, person)

    response = world.post(person, **given)

    assert refused(response, 400, "reason-required")["detail"] == "Cancellation reason required"
    watch.nothing_changed()
    audit = audited(world, person, 400, "reason-required")
    assert str(audit["request_id"]) == world.request_id(response)


@pytest.mark.slow
def test_a_company_may_waive_the_reason_by_country(world: World, tmp_path: Path) -> None:
    german, american = world.person("other_locale"), world.person("professional")

    with serving(tmp_path, REASON_OPTIONAL_COUNTRIES="at, de") as trigger:
        waived, required = (
            trigger.post("/cancel-subscription", json={"user_id": person.user_id}, headers=person.headers)
            for person in (german, american)
        )

    assert (waived.status_code, waived.json()["status"]) == (200, "pending_cancellation")
    [kept] = world.belongings(german.user_id)["cancellation_reasons"]
    assert (kept["category"], kept["feedback"]) == ("prefer_not_to_say", None)
    assert world.stripe.subscriptions.retrieve(german.subscription_id).cancel_at_period_end
    refused(required, 400, "reason-required")
    assert not world.stripe.subscriptions.retrieve(american.subscription_id).cancel_at_period_end


def test_an_unknown_reason_is_refused_with_a_list_of_the_valid_ones(world: World) -> None:
    person = world.person("professional")
    watch = Watch(world, person)

    response = world.cancel(person, reason="because")

    problem = refused(response, 400, "body-invalid")
    assert problem["detail"] == "reason: reason must be one of: " + ", ".join(REASONS)
    assert [error["pointer"] for error in problem["errors"]] == ["#/reason"]
    watch.nothing_changed()
    unreadable(world, person, 400, "body-invalid")


@pytest.mark.parametrize("what", WRONG)
def test_the_error_for_an_invalid_member_points_to_it(world: World, what: str) -> None:
    person = world.person("professional")
    watch = Watch(world, person)

    response = world.cancel(person, **WRONG[what].changed)

    problem = refused(response, 400, "body-invalid")
    assert [error["pointer"] for error in problem["errors"]] == [WRONG[what].pointer]
    watch.nothing_changed()
    unreadable(world, person, 400, "body-invalid")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b'{"user_id": ',
        b"null",
        b"[]",
        b"{}",
        b'"text"',
        b"\xff\xfe{}",
        b'{"feedback": "\\ud800"}',
        b"[" * 20_000,
        b'{"user_id": NaN}',
    ],
    ids=["empty", "cut", "half", "null", "list", "no members", "text", "not UTF-8", "surrogate", "deep", "NaN"],
)
def test_a_body_that_is_not_a_json_object_with_the_right_members_is_refused(world: World, content: bytes) -> None:
    person = world.person("professional")
    watch = Watch(world, person)

    refused(send(world, person, content), 400, "body-invalid")

    watch.nothing_changed()
    unreadable(world, person, 400, "body-invalid")


def test_a_lone_surrogate_in_the_feedback_is_refused(world: World) -> None:
    person = world.person("professional")
    watch = Watch(world, person)
    body = json.dumps({"user_id": person.user_id, "reason": "other", "feedback": "\ud83d"})

    refused(send(world, person, body), 400, "body-invalid")

    watch.nothing_changed()
    unreadable(world, person, 400, "body-invalid")


def test_a_body_over_64_kib_is_refused(world: World) -> None:
    person = world.person("professional")
    watch = Watch(world, person)
    body = json.dumps({"user_id": person.user_id, "reason": "other"}).ljust(MAX_BODY_BYTES + 1)

    refused(send(world, person, body), 413, "body-too-large")

    watch.nothing_changed()
    unreadable(world, person, 413, "body-too-large")


def test_a_body_of_64_kib_with_feedback_of_5000_characters_is_accepted(world: World) -> None:
    person = world.person("professional")
    feedback = "ü" * 5000
    body = json.dumps({"user_id": person.user_id, "reason": "other", "feedback": feedback}).ljust(MAX_BODY_BYTES)

    response = send(world, person, body, "Application/JSON; charset=utf-8")

    assert response.status_code == 200
    assert world.row("SELECT feedback FROM cancellation_reasons WHERE user_id = %s", person.user_id) == {
        "feedback": feedback
    }
    details = world.stripe.subscriptions.retrieve(person.subscription_id).cancellation_details
    assert details is not None
    assert details.comment == feedback


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "application/jsonp"])
def test_another_content_type_is_refused(world: World, content_type: str) -> None:
    person = world.person("professional")
    watch = Watch(world, person)

    response = send(world, person, json.dumps({"user_id": person.user_id, "reason": "other"}), content_type)

    assert refused(response, 415, "body-not-json")["detail"] == "Send the body as application/json"
    watch.nothing_changed()
    unreadable(world, person, 415, "body-not-json")


def test_a_refusal_does_not_quote_the_request(world: World) -> None:
    person = world.person("professional")

    response = world.cancel(person, reason="a very private matter", feedback="x" * 5001)

    assert "private" not in response.text
    assert "xxx" not in response.text
