"""Whose session it is: only the signed token counts, and what the browser adds proves nothing."""

import base64
import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from typer.testing import CliRunner

from deployments.command_line import app
from nodes.sessions.records import Browser
from tests.cancel_page.test_tokens import INVALID, in_seconds
from tests.cancel_page.visitor import Visitor, sessions_of, token
from tests.sdk.component import Component, component_token
from tests.world import Person, Row, World

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def somebody(world: World) -> Person:
    return world.person("professional")


def around(person: Person, signed: str, **said: Any) -> str:
    """Return the component's token around any text in `h`."""
    found = {"a": "cancelflow", "c": person.user_id, "h": signed, "m": "test", "t": 0} | said
    return "ck_" + base64.urlsafe_b64encode(json.dumps(found).encode()).decode()


def refused(world: World, person: Person, shown: Component, status: int = 401) -> Row:
    """Send every call; each must be refused alike, without a trace and without a call to Stripe."""
    before, asked = world.belongings(person.user_id), len(world.simulator.requests(contains=person.subscription_id))
    calls = [shown.config, shown.cancel, shown.record]
    calls += [lambda: shown.discount("x"), lambda: shown.pause(1)]
    calls += [lambda: shown.change_plan("price_x"), lambda: shown.extend_trial(1)]
    answers = [call() for call in calls]
    assert {each.status_code for each in answers} == {status}, [each.text for each in answers]
    assert len({each.text for each in answers}) == 1
    assert world.belongings(person.user_id) == before
    assert len(world.simulator.requests(contains=person.subscription_id)) == asked
    body: Row = answers[0].json()
    return body


@pytest.mark.parametrize("what", [each for each in INVALID if each != "not ASCII"])
def test_a_token_that_is_not_ours_is_refused_without_saying_why(world: World, somebody: Person, what: str) -> None:
    shown = Component(world.addresses["sdk_base"], around(somebody, INVALID[what](somebody)))
    assert refused(world, somebody, shown)["detail"] == "This link is not valid"


def test_an_expired_token_opens_no_session(world: World, somebody: Person) -> None:
    shown = Component(world.addresses["sdk_base"], component_token(somebody, exp=in_seconds(-1)))
    assert refused(world, somebody, shown)["detail"] == "This link has expired"


CONTRADICTIONS: dict[str, Row] = {
    "another app": {"x-ck-app": "other"},
    "another customer": {"x-ck-customer": "somebody-else"},
    "live mode": {"x-ck-mode": "live"},
    "another subscription": {"x-ck-subscription": "sub_other"},
}


@pytest.mark.parametrize("what", CONTRADICTIONS)
def test_a_header_that_contradicts_the_token_is_refused(world: World, somebody: Person, what: str) -> None:
    shown = Component(world.addresses["sdk_base"], component_token(somebody), **CONTRADICTIONS[what])
    assert refused(world, somebody, shown)["detail"] == "This link is not valid"


def test_no_token(world: World, somebody: Person) -> None:
    shown = Component(world.addresses["sdk_base"], component_token(somebody), **{"x-ck-authorization": None})
    assert refused(world, somebody, shown)["detail"] == "This link is not valid"


def test_the_path_of_another_app_is_refused(world: World, somebody: Person) -> None:
    made = component_token(somebody, app="other")
    shown = Component(world.addresses["sdk_base"], made, **{"x-ck-app": "cancelflow"})
    assert shown.config().status_code == shown.cancel().status_code == 401


def test_another_customers_token_reaches_only_their_own_subscription(world: World) -> None:
    person, other = world.person("professional"), world.person("starter")
    shown = Component(world.addresses["sdk_base"], component_token(other, subscriptionId=person.subscription_id))
    assert shown.config().status_code == 404
    assert shown.cancel().status_code == 404
    assert not world.stripe.subscriptions.retrieve(person.subscription_id).cancel_at_period_end


def test_a_session_goes_on_after_its_token_expired(world: World) -> None:
    person, token_id = world.person("professional"), str(uuid4())
    Component(world.addresses["sdk_base"], component_token(person, jti=token_id)).flow()
    # As if it had been opened with this token while that was valid.
    shown = Component(world.addresses["sdk_base"], component_token(person, jti=token_id, exp=in_seconds(-1)))
    world.admin.execute(
        "UPDATE cancel_sessions SET browser = %s WHERE user_id = %s",
        [Browser(shown.said["h"]).fingerprint, person.user_id],
    )
    with Visitor(world) as page:  # which says that the trigger counts the token as expired
        assert "This link has expired" in page.open(shown.said["h"]).text
    assert shown.cancel().status_code == 200
    assert shown.record(canceled=True).status_code == 204
    assert [each["outcome"] for each in sessions_of(world, person)] == ["cancelled"]


def test_a_session_ends_after_a_day(world: World) -> None:
    person = world.person("professional")
    shown = Component(world.addresses["sdk_base"], component_token(person))
    shown.flow()
    world.admin.execute(
        "UPDATE cancel_sessions SET opened_at = now() - interval '25 hours' WHERE user_id = %s", [person.user_id]
    )
    response = shown.cancel()
    assert (response.status_code, response.json()["detail"]) == (401, "This link has expired")
    assert not world.stripe.subscriptions.retrieve(person.subscription_id).cancel_at_period_end


def test_a_token_opens_the_page_or_the_component_and_never_both(world: World) -> None:
    person = world.person("professional")
    signed = token(person)
    shown = Component(world.addresses["sdk_base"], around(person, signed))
    with Visitor(world) as visitor:
        visitor.open(signed)
        assert refused(world, person, shown, 409)["detail"] == "This link was used before"
        other = token(person)
        Component(world.addresses["sdk_base"], around(person, other)).flow()
    with Visitor(world) as visitor:
        assert visitor.open(other).status_code == 409


def test_the_token_is_nowhere_in_the_database(world: World) -> None:
    person = world.person("professional")
    shown = Component(world.addresses["sdk_base"], component_token(person))
    shown.flow()
    assert shown.said["h"] not in str(world.belongings(person.user_id))
    assert shown.said["h"].rpartition(".")[2] not in str(world.belongings(person.user_id))


def test_the_command_line_prints_a_token(world: World) -> None:
    person = world.person("two_subscriptions")
    second = person.subscription_ids[1]
    printed = CliRunner().invoke(app, ["session-token", person.user_id, "--subscription", second, "--sdk"])
    assert printed.exit_code == 0, printed.output
    shown = Component(world.addresses["sdk_base"], printed.stdout.strip())
    assert shown.said.keys() == {"a", "c", "s", "h", "m", "t"}
    assert shown.flow()["subscriptions"][0]["id"] == second


def test_a_malformed_body_is_refused(world: World) -> None:
    person = world.person("professional")
    shown = Component(world.addresses["sdk_base"], component_token(person))
    answers: list[Callable[[], Any]] = [
        lambda: shown.act("discount", {"coupon": "x" * 70_000}),
        lambda: shown.act("pause", {"duration": "two", "interval": "month"}),
        lambda: shown.act("change-plan", {"planId": None}),
    ]
    assert [call().status_code for call in answers] == [413, 400, 400]
