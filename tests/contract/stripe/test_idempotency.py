"""Idempotency keys: replayed responses, rejected reuse, and responses that are never stored."""

import threading
from typing import Any
from uuid import uuid4

import httpx
import pytest
import stripe

from tests.waiting import eventually

from .process import Simulator
from .refusals import refused
from .shop import DAY, Shop


def _post(simulator: Simulator, path: str, key: str, **data: str) -> httpx.Response:
    return simulator.call("POST", path, data, idempotency_key=key)


def test_the_first_result_is_replayed_byte_for_byte(simulator: Simulator) -> None:
    key = uuid4().hex
    first = _post(simulator, "/v1/customers", key, name="Ada")
    again = _post(simulator, "/v1/customers", key, name="Ada")
    assert again.content == first.content
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["original-request"] == first.headers["request-id"]


def test_a_replay_changes_nothing(shop: Shop) -> None:
    subscription, options = shop.subscription(), stripe.RequestOptions(idempotency_key=uuid4().hex)
    shop.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True}, options)
    shop.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": False})
    again = shop.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True}, options)
    assert again.cancel_at_period_end
    assert not shop.fresh(subscription).cancel_at_period_end


def test_other_parameters_under_the_same_key(shop: Shop) -> None:
    options = stripe.RequestOptions(idempotency_key=uuid4().hex)
    shop.v1.customers.create({"name": "Ada"}, options)
    with pytest.raises(stripe.IdempotencyError, match="same parameters they were first used with") as caught:
        shop.v1.customers.create({"name": "Eve"}, options)
    assert caught.value.http_status == 400
    assert caught.value.error is not None
    assert caught.value.error.type == "idempotency_error"


def test_another_path_under_the_same_key(shop: Shop) -> None:
    options = stripe.RequestOptions(idempotency_key=uuid4().hex)
    shop.v1.customers.create({"name": "Ada"}, options)
    with pytest.raises(stripe.IdempotencyError, match="same endpoint they were first used for"):
        shop.v1.products.create({"name": "Ada"}, options)


def test_a_key_is_forgotten_after_24_hours(simulator: Simulator) -> None:
    key = uuid4().hex
    first = _post(simulator, "/v1/customers", key, name="Ada").json()["id"]
    simulator.move_clock(advance=DAY - 60)
    assert _post(simulator, "/v1/customers", key, name="Ada").json()["id"] == first
    simulator.move_clock(advance=61)
    assert _post(simulator, "/v1/customers", key, name="Ada").json()["id"] != first


def test_a_refusal_of_the_endpoint_is_replayed(simulator: Simulator, shop: Shop) -> None:
    path, key = f"/v1/subscriptions/{shop.subscription().id}", uuid4().hex
    refusal = _post(simulator, path, key, **{"discounts[0][coupon]": key})
    assert refusal.status_code == 400
    shop.coupon(id=key)
    again = _post(simulator, path, key, **{"discounts[0][coupon]": key})
    assert (again.status_code, again.headers["idempotent-replayed"]) == (400, "true")


def test_a_refusal_of_the_parameters_is_not_kept(simulator: Simulator) -> None:
    key = uuid4().hex
    assert _post(simulator, "/v1/customers", key, nonsense="1").status_code == 400
    assert _post(simulator, "/v1/customers", key, name="Ada").status_code == 200


def test_a_refused_key_is_not_kept(simulator: Simulator) -> None:
    key = uuid4().hex
    wrong = simulator.call("POST", "/v1/customers", {"name": "a"}, idempotency_key=key, authorization="Bearer no")
    assert wrong.status_code == 401
    assert _post(simulator, "/v1/customers", key, name="Ada").status_code == 200


def test_a_failed_payment_is_replayed(simulator: Simulator, shop: Shop) -> None:
    customer, key = shop.customer("pm_card_chargeCustomerFail"), uuid4().hex
    data = {"customer": customer.id, "items[0][price]": shop.price().id, "payment_behavior": "error_if_incomplete"}
    first = _post(simulator, "/v1/subscriptions", key, **data)
    again = _post(simulator, "/v1/subscriptions", key, **data)
    assert (first.status_code, again.content) == (402, first.content)
    assert again.headers["idempotent-replayed"] == "true"


@pytest.mark.parametrize(("stored", "second"), [(True, 500), (False, 200)])
def test_a_500_is_replayed_if_it_was_stored(simulator: Simulator, stored: bool, second: int) -> None:
    key = uuid4().hex
    simulator.fault(kind="status", status=500, stored=stored, contains=key)
    assert _post(simulator, "/v1/customers", key, name=key).status_code == 500
    assert _post(simulator, "/v1/customers", key, name=key).status_code == second


def test_a_stored_500_outlives_its_fault_and_belongs_to_its_parameters(simulator: Simulator, shop: Shop) -> None:
    subscription, key = shop.subscription(), uuid4().hex
    path = f"/v1/subscriptions/{subscription.id}"
    simulator.fault(kind="status", status=500, stored=True, method="POST", contains=subscription.id)
    first = _post(simulator, path, key, cancel_at_period_end="true")
    again = _post(simulator, path, key, cancel_at_period_end="true")
    assert (first.status_code, again.status_code, again.content) == (500, 500, first.content)
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["original-request"] == first.headers["request-id"]
    other = _post(simulator, path, key, cancel_at_period_end="false")
    assert (other.status_code, other.json()["error"]["type"]) == (400, "idempotency_error")
    assert not shop.fresh(subscription).cancel_at_period_end
    assert _post(simulator, path, uuid4().hex, cancel_at_period_end="true").json()["cancel_at_period_end"] is True


def test_the_sdk_meets_a_stored_500(simulator: Simulator, shop: Shop) -> None:
    subscription, options = shop.subscription(), stripe.RequestOptions(idempotency_key=uuid4().hex)
    simulator.fault(kind="status", status=500, stored=True, contains=subscription.id)
    for _ in range(2):
        with pytest.raises(stripe.APIError) as caught:
            shop.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True}, options)
        assert caught.value.http_status == 500
    with pytest.raises(stripe.IdempotencyError):
        shop.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": False}, options)
    assert [one["replayed"] for one in simulator.requests(method="POST", contains=subscription.id)] == [
        False,
        True,
        False,
    ]


def test_a_stored_500_takes_no_answer_away(simulator: Simulator) -> None:
    key = uuid4().hex
    first = _post(simulator, "/v1/customers", key, name=key)
    simulator.fault(kind="status", status=500, stored=True, contains=key)
    assert _post(simulator, "/v1/customers", key, name=key).status_code == 500
    assert _post(simulator, "/v1/customers", key, name=key).content == first.content


def test_a_429_is_not_kept(simulator: Simulator) -> None:
    key = uuid4().hex
    simulator.fault(kind="status", status=429, contains=key)
    with pytest.raises(stripe.RateLimitError):
        simulator.client.v1.customers.create({"name": key}, {"idempotency_key": key})
    assert simulator.client.v1.customers.create({"name": key}, {"idempotency_key": key}).name == key


def test_concurrent_use_of_a_key(simulator: Simulator) -> None:
    key = uuid4().hex
    simulator.fault(kind="delay", seconds=1, contains=key)
    answers: list[httpx.Response] = []
    first = threading.Thread(target=lambda: answers.append(_post(simulator, "/v1/customers", key, name=key)))
    first.start()
    eventually(lambda: simulator.control("GET", "faults")["faults"][0]["hits"])
    second = _post(simulator, "/v1/customers", key, name=key)
    first.join()
    assert (second.status_code, second.json()["error"]["code"]) == (409, "idempotency_key_in_use")
    assert answers[0].status_code == 200
    assert _post(simulator, "/v1/customers", key, name=key).content == answers[0].content


def test_delete_and_get_ignore_keys(loose: Any, shop: Shop) -> None:
    options = {"idempotency_key": uuid4().hex}
    coupon = shop.coupon()
    loose.coupons.delete(coupon.id, None, options)
    with refused(code="resource_missing", param="coupon", status=404):
        loose.coupons.delete(coupon.id, None, options)
    with refused(code="resource_missing", param="coupon", status=404):
        loose.coupons.retrieve(coupon.id, None, options)


def test_the_sdk_retries_through_a_lost_answer_and_gets_one_object(simulator: Simulator) -> None:
    name = uuid4().hex
    simulator.fault(kind="lost_answer", contains=name)
    client = simulator.connect(retries=2)
    made = client.v1.coupons.create({"id": name, "percent_off": 10, "duration": "once"}, {"idempotency_key": name})
    assert made.id == name
    assert [request["replayed"] for request in simulator.requests(contains=name)] == [False, True]
