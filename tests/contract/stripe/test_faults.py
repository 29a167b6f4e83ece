"""Every kind of fault, as seen by the SDK."""

import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import stripe

from .process import Simulator
from .shop import Shop


def _cancel(client: stripe.StripeClient, subscription: stripe.Subscription) -> stripe.Subscription:
    return client.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})


def _last(simulator: Simulator, subscription: stripe.Subscription) -> tuple[int | None, str | None]:
    request = simulator.requests(method="POST", contains=subscription.id)[-1]
    return request["status"], request["fault"]


def test_a_status(simulator: Simulator, shop: Shop) -> None:
    subscription = shop.subscription()
    simulator.fault(kind="status", status=503, headers={"Retry-After": "7"}, path="^/v1/subscriptions/")
    with pytest.raises(stripe.APIError) as caught:
        _cancel(simulator.client, subscription)
    assert caught.value.headers is not None
    assert (caught.value.http_status, caught.value.headers["retry-after"]) == (503, "7")
    assert _last(simulator, subscription) == (503, "status")
    assert not shop.fresh(subscription).cancel_at_period_end


def test_a_status_with_a_body_of_ones_own(simulator: Simulator, shop: Shop) -> None:
    subscription = shop.subscription()
    error = {"code": "lock_timeout", "message": "This object cannot be accessed right now"}
    simulator.fault(kind="status", status=429, error=error, contains=subscription.id)
    with pytest.raises(stripe.RateLimitError, match="cannot be accessed") as caught:
        _cancel(simulator.client, subscription)
    assert caught.value.error is not None
    assert caught.value.error.code == "lock_timeout"


def test_a_timeout_holds_the_connection(simulator: Simulator, shop: Shop) -> None:
    subscription = shop.subscription()
    simulator.fault(kind="timeout", contains=subscription.id)
    hurried = simulator.connect(timeout=0.3)
    with pytest.raises(stripe.APIConnectionError):
        _cancel(hurried, subscription)
    assert _last(simulator, subscription) == (None, "timeout")
    assert not shop.fresh(subscription).cancel_at_period_end


def test_a_delay_executes_afterwards(simulator: Simulator, shop: Shop) -> None:
    subscription = shop.subscription()
    simulator.fault(kind="delay", seconds=0.2, contains=subscription.id)
    begun = time.monotonic()
    assert _cancel(simulator.client, subscription).cancel_at_period_end
    assert time.monotonic() - begun >= 0.2


def test_an_answer_that_is_lost(simulator: Simulator, shop: Shop) -> None:
    subscription = shop.subscription()
    simulator.fault(kind="lost_answer", contains=subscription.id)
    with pytest.raises(stripe.APIConnectionError):
        _cancel(simulator.client, subscription)
    assert shop.fresh(subscription).cancel_at_period_end
    assert _last(simulator, subscription) == (200, "lost_answer")


def test_an_answer_that_is_lost_behind_a_500(simulator: Simulator, shop: Shop) -> None:
    subscription = shop.subscription()
    simulator.fault(kind="lost_answer", after="500", contains=subscription.id)
    with pytest.raises(stripe.APIError) as caught:
        _cancel(simulator.client, subscription)
    assert caught.value.http_status == 500
    assert shop.fresh(subscription).cancel_at_period_end


def test_an_answer_that_never_comes(simulator: Simulator, shop: Shop) -> None:
    subscription = shop.subscription()
    simulator.fault(kind="lost_answer", after="timeout", contains=subscription.id)
    with pytest.raises(stripe.APIConnectionError):
        _cancel(simulator.connect(timeout=0.3), subscription)
    assert shop.fresh(subscription).cancel_at_period_end


def test_a_refused_connection(simulator: Simulator, shop: Shop) -> None:
    subscription = shop.subscription()
    simulator.fault(kind="refuse", contains=subscription.id)
    with pytest.raises(stripe.APIConnectionError):
        _cancel(simulator.client, subscription)
    assert not shop.fresh(subscription).cancel_at_period_end


def test_a_lie(simulator: Simulator, shop: Shop) -> None:
    subscription = shop.subscription()
    simulator.fault(kind="lie", method="POST", contains=subscription.id)
    told = _cancel(simulator.client, subscription)
    assert told.id == subscription.id
    assert not told.cancel_at_period_end
    assert not shop.fresh(subscription).cancel_at_period_end


def test_a_lie_about_something_new(simulator: Simulator, shop: Shop) -> None:
    simulator.fault(kind="lie", method="POST", path="^/v1/coupons$")
    told = shop.coupon()
    assert told.percent_off == 30
    with pytest.raises(stripe.InvalidRequestError, match="No such coupon"):
        shop.v1.coupons.retrieve(told.id)


def test_a_lie_about_a_release(simulator: Simulator, shop: Shop) -> None:
    schedule = shop.v1.subscription_schedules.create({"from_subscription": shop.subscription().id})
    simulator.fault(kind="lie", path="/release$")
    assert shop.v1.subscription_schedules.release(schedule.id).status == "active"


def test_a_fault_acts_as_often_as_ordered(simulator: Simulator, shop: Shop) -> None:
    subscription = shop.subscription()
    simulator.fault(kind="status", status=500, contains=subscription.id, times=2)
    for _ in range(2):
        with pytest.raises(stripe.APIError):
            shop.fresh(subscription)
    assert shop.fresh(subscription).id == subscription.id


def test_a_fault_acts_until_it_is_cleared(simulator: Simulator, shop: Shop) -> None:
    subscription = shop.subscription()
    fault = simulator.fault(kind="status", status=500, contains=subscription.id, times=0)
    for _ in range(3):
        with pytest.raises(stripe.APIError):
            shop.fresh(subscription)
    assert simulator.control("GET", "faults")["faults"][0]["hits"] == 3
    simulator.control("DELETE", "faults", query={"id": fault})
    assert shop.fresh(subscription).id == subscription.id


def test_a_fault_meets_only_what_it_names(simulator: Simulator, shop: Shop) -> None:
    one, other = shop.subscription(), shop.subscription()
    simulator.fault(kind="status", method="POST", path=r"^/v1/subscriptions/sub_\w+$", contains=one.id)
    assert shop.fresh(one).id == one.id
    assert _cancel(simulator.client, other).cancel_at_period_end
    with pytest.raises(stripe.APIError):
        _cancel(simulator.client, one)


def test_a_lie_about_a_pause(simulator: Simulator, shop: Shop) -> None:
    subscription = shop.subscription()
    simulator.fault(kind="lie", path="/pause$")
    assert shop.v1.subscriptions.pause(subscription.id).status == "active"


def test_a_lie_about_a_preview_returns_the_preview(simulator: Simulator, shop: Shop) -> None:
    simulator.fault(kind="lie", path="/create_preview$")
    assert shop.v1.invoices.create_preview({"subscription": shop.subscription().id}).amount_due == 4900


@pytest.mark.parametrize("order", [{"kind": "nonsense"}, {"kind": "lie", "color": 1}, {"kind": "lie", "path": "("}])
def test_an_order_that_makes_no_sense(simulator: Simulator, order: dict[str, Any]) -> None:
    response = simulator.http.post("/_simulator/faults", json=order)
    assert response.status_code == 400
    assert response.json()["error"]


def test_held_connections_do_not_hold_up_the_end(new_simulator: Callable[..., Simulator]) -> None:
    simulator = new_simulator()
    simulator.fault(kind="timeout", times=0)
    with pytest.raises(httpx.ReadTimeout):
        simulator.http.get("/v1/balance", timeout=0.2)
    running = simulator.process.process
    assert running is not None
    running.terminate()
    assert running.wait(2) == 0
