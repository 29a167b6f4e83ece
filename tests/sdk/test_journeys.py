"""The component from its config to its record, with the default blueprint and catalogue."""

import pytest

from tests.cancel_page.visitor import path_of, sessions_of
from tests.sdk.component import Component, component_token, step_of
from tests.world import World

pytestmark = pytest.mark.slow


def test_an_offer_is_accepted_twice_and_made_once(world: World) -> None:
    person = world.person("professional")
    shown = Component(world.addresses["sdk_base"], component_token(person))
    reasons = {each["id"]: each for each in step_of(shown.flow(), "survey")["reasons"]}
    coupon = reasons["too_expensive"]["offer"]["couponId"]

    first, again = shown.discount(coupon), shown.discount(coupon)

    assert first.status_code == again.status_code == 200, first.text
    assert first.json() == again.json()
    assert shown.record(surveyChoiceId="too_expensive", acceptedOffer={"offerType": "DISCOUNT"}).status_code == 204
    assert len(world.stripe.subscriptions.retrieve(person.subscription_id).discounts) == 1
    assert len(world.rows("SELECT FROM change_requests WHERE user_id = %s", person.user_id)) == 1
    assert [each["outcome"] for each in sessions_of(world, person)] == ["saved"]


def test_a_cancellation_gets_its_reason_afterwards(world: World) -> None:
    person = world.person("professional")
    shown = Component(world.addresses["sdk_base"], component_token(person))
    shown.flow()

    assert shown.cancel().status_code == 200
    assert shown.record(canceled=True, surveyChoiceId="missing_features", feedback="An export").status_code == 204

    assert world.stripe.subscriptions.retrieve(person.subscription_id).cancel_at_period_end
    row = world.row("SELECT * FROM cancellation_reasons WHERE user_id = %s", person.user_id)
    assert (row["category"], row["feedback"]) == ("missing_features", "An export")
    assert [each["outcome"] for each in sessions_of(world, person)] == ["cancelled"]
    kinds = [kind for kind, _ in path_of(world, person)]
    assert kinds == ["opened", "cancellation_requested", "reason_chosen"]
