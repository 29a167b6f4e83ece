"""Stripe's portal and dashboard: their changes and events."""

from typing import Any

import pytest
import stripe

from .process import Simulator
from .shop import Shop, at, period_end

pytestmark = pytest.mark.slow

CLASSIC = {"billing_mode": {"type": "classic"}}


def _signs(subscription: stripe.Subscription) -> tuple[int | None, bool]:
    return subscription.cancel_at, subscription.cancel_at_period_end


def _updates(shop: Shop, subscription: stripe.Subscription) -> list[stripe.Event]:
    return shop.events(subscription.id, "customer.subscription.updated")


def _before(event: stripe.Event) -> dict[str, Any]:
    assert event.data.previous_attributes is not None
    return event.data.previous_attributes.to_dict()


def test_with_flexible_billing_the_portal_sets_the_date_alone(simulator: Simulator, shop: Shop) -> None:
    subscription = shop.subscription()
    shown = simulator.order("portal", subscription=subscription.id, action="cancel")
    assert _signs(shop.fresh(subscription)) == (period_end(subscription), False)
    assert (shown["cancel_at"], shown["cancellation_details"]["reason"]) == (
        period_end(subscription),
        "cancellation_requested",
    )
    (event,) = _updates(shop, subscription)
    assert _before(event) == {"cancel_at": None, "canceled_at": None, "cancellation_details": {"reason": None}}


def test_with_mixed_intervals_the_portal_names_the_last_date(simulator: Simulator, shop: Shop) -> None:
    clock = shop.clock()
    items = [{"price": shop.price().id}, {"price": shop.price("year", 100_000).id}]
    subscription = shop.subscription(shop.customer(clock=clock), items=items)
    simulator.order("portal", subscription=subscription.id, action="cancel")
    assert _signs(shop.fresh(subscription)) == (at(2028, 1, 15), False)


@pytest.mark.parametrize(("place", "mode"), [("portal", CLASSIC), ("dashboard", CLASSIC), ("dashboard", {})])
def test_elsewhere_the_boolean_is_set(simulator: Simulator, shop: Shop, place: str, mode: dict[str, Any]) -> None:
    subscription = shop.subscription(**mode)
    simulator.order(place, subscription=subscription.id, action="cancel")
    assert _signs(shop.fresh(subscription)) == (period_end(subscription), True)
    assert _before(_updates(shop, subscription)[0])["cancel_at_period_end"] is False


def test_the_reason_comes_in_an_event_of_its_own(simulator: Simulator, shop: Shop) -> None:
    clock = shop.clock()
    subscription = shop.subscription(shop.customer(clock=clock))
    simulator.order(
        "portal", subscription=subscription.id, action="cancel", feedback="too_expensive", comment="Too dear."
    )
    first, second = _updates(shop, subscription)
    assert first.data.object["cancellation_details"]["feedback"] is None
    assert _before(second) == {"cancellation_details": {"comment": None, "feedback": None}}
    assert (second.data.object["cancel_at"], second.created - first.created) == (at(2027, 2, 15), 3)
    details = shop.fresh(subscription).cancellation_details
    assert details is not None
    assert (details.feedback, details.comment) == ("too_expensive", "Too dear.")


def test_a_reason_may_be_given_whenever_a_test_likes(simulator: Simulator, shop: Shop) -> None:
    subscription = shop.subscription()
    simulator.order("portal", subscription=subscription.id, action="cancel")
    simulator.order("portal", subscription=subscription.id, action="reason", feedback="unused")
    assert len(_updates(shop, subscription)) == 2
    assert "feedback" in simulator.refuses("portal", subscription=subscription.id, action="reason", feedback="bored")


def test_the_portals_events_name_no_request(simulator: Simulator, shop: Shop) -> None:
    subscription = shop.subscription()
    simulator.order("portal", subscription=subscription.id, action="cancel", feedback="unused")
    requests = [event.request for event in _updates(shop, subscription)]
    assert [(one and one.id, one and one.idempotency_key) for one in requests] == [(None, None), (None, None)]
    assert simulator.requests(method="POST", path=f"/v1/subscriptions/{subscription.id}") == []


def test_the_dashboards_events_name_one(simulator: Simulator, shop: Shop) -> None:
    subscription = shop.subscription()
    simulator.order("dashboard", subscription=subscription.id, action="cancel")
    request = _updates(shop, subscription)[0].request
    assert request is not None
    assert str(request.id).startswith("req_")
    assert request.idempotency_key


@pytest.mark.parametrize("place", ["portal", "dashboard"])
@pytest.mark.parametrize("mode", [CLASSIC, {}])
def test_an_undo_clears_the_sign_that_is_set(
    simulator: Simulator, shop: Shop, place: str, mode: dict[str, Any]
) -> None:
    subscription = shop.subscription(**mode)
    assert "not about to end" in simulator.refuses(place, subscription=subscription.id, action="undo")
    simulator.order(place, subscription=subscription.id, action="cancel")
    simulator.order(place, subscription=subscription.id, action="undo")
    assert _signs(shop.fresh(subscription)) == (None, False)
    previous = _before(_updates(shop, subscription)[-1])
    assert (previous["cancel_at"], previous["cancellation_details"]) == (
        period_end(subscription),
        {"reason": "cancellation_requested"},
    )


def test_the_portal_undoes_what_the_api_ordered(simulator: Simulator, shop: Shop) -> None:
    subscription = shop.subscription()
    shop.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    simulator.order("portal", subscription=subscription.id, action="undo")
    assert _signs(shop.fresh(subscription)) == (None, False)


def test_an_end_at_once_and_why(simulator: Simulator, shop: Shop) -> None:
    subscription = shop.subscription()
    simulator.order("portal", subscription=subscription.id, action="cancel", when="immediately", feedback="other")
    kinds = [event.type for event in shop.events(subscription.id)]
    assert kinds[1:] == ["customer.subscription.deleted", "customer.subscription.updated"]
    assert shop.fresh(subscription).status == "canceled"


def test_the_dashboard_names_any_date(simulator: Simulator, shop: Shop) -> None:
    clock = shop.clock()
    subscription = shop.subscription(shop.customer(clock=clock))
    simulator.order("dashboard", subscription=subscription.id, action="cancel", when=at(2027, 1, 20))
    assert _signs(shop.fresh(subscription)) == (at(2027, 1, 20), False)
    shop.advance(clock, at(2027, 1, 20))
    assert shop.fresh(subscription).ended_at == at(2027, 1, 20)


def test_the_retention_coupon_joins_what_is_there(simulator: Simulator, shop: Shop) -> None:
    subscription = shop.subscription(discounts=[{"coupon": shop.coupon(10, None).id}])
    simulator.order("portal", subscription=subscription.id, action="accept_retention_coupon", coupon=shop.coupon(30).id)
    after = shop.fresh(subscription)
    assert (len(after.discounts), after.discounts[0], _signs(after)) == (2, subscription.discounts[0], (None, False))
    assert [event.type for event in shop.events(str(after.discounts[1]))] == ["customer.discount.created"]
    (event,) = _updates(shop, subscription)
    assert _before(event) == {"discounts": subscription.discounts}
    assert "No such coupon" in simulator.refuses(
        "portal", subscription=subscription.id, action="accept_retention_coupon", coupon="NONE"
    )


def test_collection_is_paused_and_resumed(simulator: Simulator, shop: Shop) -> None:
    clock = shop.clock()
    subscription = shop.subscription(shop.customer(clock=clock))
    simulator.order("portal", subscription=subscription.id, action="pause", resumes_at=at(2027, 3, 1))
    paused = shop.fresh(subscription).pause_collection
    assert paused is not None
    assert paused.to_dict() == {"behavior": "void", "resumes_at": at(2027, 3, 1)}
    simulator.order("portal", subscription=subscription.id, action="resume")
    assert shop.fresh(subscription).pause_collection is None
    assert [_before(event).keys() for event in _updates(shop, subscription)] == [{"pause_collection"}] * 2
    assert "not paused" in simulator.refuses("portal", subscription=subscription.id, action="resume")
    assert "future" in simulator.refuses("portal", subscription=subscription.id, action="pause", resumes_at=1)


@pytest.mark.parametrize("place", ["portal", "dashboard"])
def test_any_other_update(simulator: Simulator, shop: Shop, place: str) -> None:
    subscription = shop.subscription(trial_period_days=7)
    item, dear = subscription["items"].data[0].id, shop.price("month", 9900).id
    given: dict[str, Any] = {
        "items": [{"id": item, "price": dear, "quantity": 2}],
        "discounts": [{"coupon": shop.coupon().id}],
        "trial_end": subscription.created + 2_000_000,
        "cancel_at_period_end": True,
        "pause_collection": {"behavior": "void"},
    }
    shown = simulator.order(place, subscription=subscription.id, action="update", params=given)
    after = shop.fresh(subscription)
    assert (shown["id"], after["items"].data[0].price.id, after["items"].data[0].quantity) == (after.id, dear, 2)
    assert (len(after.discounts), after.trial_end) == (1, given["trial_end"])
    assert (after.cancel_at_period_end, after.cancel_at) == (True, after.trial_end)
    request = _updates(shop, subscription)[0].request
    assert bool(request and request.id) is (place == "dashboard")
    simulator.order(place, subscription=subscription.id, action="update", params={"pause_collection": None})
    assert shop.fresh(subscription).pause_collection is None


def test_a_wrong_update(simulator: Simulator, shop: Shop) -> None:
    subscription = shop.subscription()
    assert "as a JSON object" in simulator.refuses("portal", subscription=subscription.id, action="update")
    unknown = {"colour": "red"}
    assert "unknown parameter: colour" in simulator.refuses(
        "portal", subscription=subscription.id, action="update", params=unknown
    )


def test_what_the_api_refuses_the_portal_refuses(simulator: Simulator, shop: Shop) -> None:
    subscription = shop.subscription()
    shop.v1.subscription_schedules.create({"from_subscription": subscription.id})
    assert "managed by the subscription schedule" in simulator.refuses(
        "portal", subscription=subscription.id, action="cancel"
    )
    assert "No such subscription" in simulator.refuses("portal", subscription="sub_none", action="cancel")
    assert "action must be" in simulator.refuses("portal", subscription=subscription.id, action="dance")
    assert "unknown field: reson" in simulator.refuses("portal", subscription=subscription.id, reson="unused")
    assert _updates(shop, subscription)[0].data.object["schedule"] is not None
    assert len(_updates(shop, subscription)) == 1
