"""Customers' own discounts, which the API can no longer create; and the events of any discount."""

from typing import Any

import pytest
import stripe

from .process import Simulator
from .refusals import refused
from .shop import Shop, at


def _given(simulator: Simulator, customer: stripe.Customer, coupon: stripe.Coupon) -> stripe.Discount:
    simulator.order("discounts", customer=customer.id, coupon=coupon.id)
    found = simulator.client.v1.customers.retrieve(customer.id).discount
    assert found is not None
    return found


def _amounts(shop: Shop, customer: stripe.Customer) -> list[int]:
    return [one.amount_due for one in shop.v1.invoices.list({"customer": customer.id, "limit": 100}).data[::-1]]


@pytest.mark.parametrize("param", ["coupon", "promotion_code", "discount"])
def test_the_api_gives_none(loose: Any, shop: Shop, param: str) -> None:
    customer = shop.customer()
    with refused(code="parameter_unknown", param=param):
        loose.customers.update(customer.id, {param: shop.coupon().id})


def test_it_shows_on_the_customer(simulator: Simulator, shop: Shop) -> None:
    customer, coupon = shop.customer(), shop.coupon(20, None)
    discount = _given(simulator, customer, coupon)
    assert (discount.source.coupon, discount.customer, discount.subscription) == (coupon.id, customer.id, None)
    assert shop.v1.coupons.retrieve(coupon.id).times_redeemed == 1
    assert [event.type for event in shop.events(discount.id)] == ["customer.discount.created"]
    (changed,) = shop.events(customer.id, "customer.updated")
    assert changed.data.to_dict()["previous_attributes"] == {"discount": None}


def test_it_counts_where_the_subscription_has_none(simulator: Simulator, shop: Shop) -> None:
    clock = shop.clock()
    customer = shop.customer(clock=clock)
    _given(simulator, customer, shop.coupon(20, None))
    subscription = shop.subscription(customer)
    assert shop.fresh(subscription).discounts == []
    shop.v1.subscriptions.update(subscription.id, {"discounts": [{"coupon": shop.coupon(30, 2).id}]})
    assert shop.v1.invoices.create_preview({"subscription": subscription.id}).amount_due == 3430
    shop.advance(clock, at(2027, 4, 16))
    assert _amounts(shop, customer) == [3920, 3430, 3920, 3920]


def test_a_subscription_may_reuse_it_beside_others(simulator: Simulator, shop: Shop) -> None:
    customer, more = shop.customer(), shop.coupon(30, 2)
    discount = _given(simulator, customer, shop.coupon(20, None))
    subscription = shop.subscription(customer)
    both = shop.v1.subscriptions.update(
        subscription.id, {"discounts": [{"discount": discount.id}, {"coupon": more.id}], "expand": ["discounts"]}
    )
    coupons = [one.source.coupon for one in both.discounts if isinstance(one, stripe.Discount)]
    assert coupons == [discount.source.coupon, more.id]
    with refused(code="resource_missing", param="discounts[0][discount]"):
        shop.v1.subscriptions.update(shop.subscription().id, {"discounts": [{"discount": discount.id}]})


def test_its_months_run_out(simulator: Simulator, shop: Shop) -> None:
    clock = shop.clock()
    customer = shop.customer(clock=clock)
    discount = _given(simulator, customer, shop.coupon(20, 2))
    shop.subscription(customer)
    shop.advance(clock, at(2027, 3, 16))
    assert _amounts(shop, customer) == [3920, 3920, 4900]
    assert shop.v1.customers.retrieve(customer.id).discount is None
    ended = shop.events(discount.id, "customer.discount.deleted")
    assert [event.created for event in ended] == [at(2027, 3, 15)]


def test_once_is_once(simulator: Simulator, shop: Shop) -> None:
    customer = shop.customer()
    _given(simulator, customer, shop.v1.coupons.create({"percent_off": 50, "duration": "once"}))
    subscription = shop.subscription(customer)
    assert _amounts(shop, customer) == [2450]
    assert shop.v1.invoices.create_preview({"subscription": subscription.id}).amount_due == 4900


def test_another_takes_its_place(simulator: Simulator, shop: Shop) -> None:
    customer = shop.customer()
    first = _given(simulator, customer, shop.coupon())
    second = _given(simulator, customer, shop.coupon(40))
    assert first.id != second.id
    assert [event.type for event in shop.events(first.id)] == ["customer.discount.created", "customer.discount.deleted"]


def test_it_is_deleted(simulator: Simulator, shop: Shop) -> None:
    customer = shop.customer()
    discount = _given(simulator, customer, shop.coupon())
    gone = shop.v1.customers.delete_discount(customer.id)
    assert (gone.id, gone.deleted) == (discount.id, True)
    assert shop.v1.customers.retrieve(customer.id).discount is None
    with refused(code="resource_missing", status=404, says="No active discount for customer"):
        shop.v1.customers.delete_discount(customer.id)


def test_a_subscriptions_is_deleted_and_the_customers_stays(simulator: Simulator, shop: Shop) -> None:
    customer = shop.customer()
    kept = _given(simulator, customer, shop.coupon(20, None))
    subscription = shop.subscription(customer, discounts=[{"coupon": shop.coupon(30).id}])
    gone = shop.v1.subscriptions.delete_discount(subscription.id)
    assert (gone.id, gone.deleted) == (subscription.discounts[0], True)
    assert shop.fresh(subscription).discounts == []
    still = shop.v1.customers.retrieve(customer.id).discount
    assert still is not None
    assert still.id == kept.id
    with refused(code="resource_missing", status=404, says="No active discount for subscription"):
        shop.v1.subscriptions.delete_discount(subscription.id)


def test_a_cancellation_keeps_it(simulator: Simulator, shop: Shop) -> None:
    customer = shop.customer()
    kept = _given(simulator, customer, shop.coupon(20, None))
    subscription = shop.subscription(customer)
    shop.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    shop.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": False})
    still = shop.v1.customers.retrieve(customer.id).discount
    assert still is not None
    assert still.to_dict() == kept.to_dict()


def test_every_change_of_discounts_is_told(shop: Shop) -> None:
    subscription = shop.subscription(discounts=[{"coupon": shop.coupon().id}])
    first = str(subscription.discounts[0])
    second = str(
        shop.v1.subscriptions.update(subscription.id, {"discounts": [{"coupon": shop.coupon(40).id}]}).discounts[0]
    )
    shop.v1.subscriptions.update(subscription.id, {"discounts": ""})
    for discount in (first, second):
        told = shop.events(discount)
        assert [event.type for event in told] == ["customer.discount.created", "customer.discount.deleted"]
        assert {event.data.object["subscription"] for event in told} == {subscription.id}
    updates = shop.events(subscription.id, "customer.subscription.updated")
    before = [event.data.to_dict()["previous_attributes"] for event in updates]
    assert before == [{"discounts": [first]}, {"discounts": [second]}]


def test_a_wrong_order(simulator: Simulator, shop: Shop) -> None:
    assert "No such customer" in simulator.refuses("discounts", customer="cus_none", coupon=shop.coupon().id)
    assert "No such coupon" in simulator.refuses("discounts", customer=shop.customer().id, coupon="NONE")
