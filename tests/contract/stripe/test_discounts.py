"""Coupons, and their discounts on subscriptions."""

from typing import Any
from uuid import uuid4

import pytest
import stripe

from .process import Simulator
from .refusals import refused
from .shop import Shop


def test_a_coupon_may_have_its_own_id_once(client: stripe.StripeClient, shop: Shop) -> None:
    name = f"retention-{uuid4().hex}"
    shop.coupon(id=name)
    with refused(code="resource_already_exists", param="id", says="Coupon already exists."):
        shop.coupon(id=name)
    assert client.v1.coupons.retrieve(name).duration_in_months == 3


def test_the_id_of_a_deleted_coupon_is_free_again(client: stripe.StripeClient, shop: Shop) -> None:
    made = shop.coupon()
    assert client.v1.coupons.delete(made.id).deleted
    with refused(code="resource_missing", param="coupon", status=404):
        client.v1.coupons.retrieve(made.id)
    assert shop.coupon(40, id=made.id).percent_off == 40


@pytest.mark.parametrize(
    ("params", "param", "code"),
    [
        ({"duration": "repeating", "percent_off": 10}, "duration_in_months", "parameter_missing"),
        ({"duration": "forever", "percent_off": 10, "duration_in_months": 3}, "duration_in_months", None),
        ({"duration": "forever"}, "percent_off", None),
        ({"duration": "forever", "percent_off": 101}, "percent_off", None),
        ({"duration": "forever", "amount_off": 100}, "currency", "parameter_missing"),
        ({"duration": "forever", "amount_off": 100, "percent_off": 10}, "percent_off", None),
        ({"duration": "forever", "percent_off": 10, "redeem_by": 1}, "redeem_by", None),
    ],
)
def test_terms_that_make_no_sense(loose: Any, params: dict[str, Any], param: str, code: str | None) -> None:
    with refused(code=code, param=param):
        loose.coupons.create(params)


def test_a_discount_names_its_coupon_and_its_end(shop: Shop) -> None:
    coupon = shop.coupon()
    subscription = shop.subscription(discounts=[{"coupon": coupon.id}])
    discount = shop.fresh(subscription, "discounts").discounts[0]
    assert isinstance(discount, stripe.Discount)
    assert discount.id.startswith("di_")
    assert discount.source.to_dict() == {"coupon": coupon.id, "type": "coupon"}
    assert (discount.subscription, discount.customer) == (subscription.id, subscription.customer)
    assert discount.end is not None
    assert 89 <= (discount.end - discount.start) // 86_400 <= 92


def test_a_coupon_counts_who_redeems_it(client: stripe.StripeClient, shop: Shop) -> None:
    coupon = shop.coupon(max_redemptions=1)
    shop.subscription(discounts=[{"coupon": coupon.id}])
    found = client.v1.coupons.retrieve(coupon.id)
    assert (found.times_redeemed, found.valid) == (1, False)
    with refused(code="coupon_expired", param="discounts[0][coupon]"):
        shop.subscription(discounts=[{"coupon": coupon.id}])


def test_a_coupon_past_its_last_day(simulator: Simulator, client: stripe.StripeClient, shop: Shop) -> None:
    coupon = shop.coupon(redeem_by=simulator.control("GET", "clock")["now"] + 1000)
    subscription = shop.subscription()
    simulator.move_clock(advance=1001)
    assert not client.v1.coupons.retrieve(coupon.id).valid
    with refused(code="coupon_expired", param="discounts[0][coupon]"):
        client.v1.subscriptions.update(subscription.id, {"discounts": [{"coupon": coupon.id}]})


def test_an_unknown_coupon(client: stripe.StripeClient, shop: Shop) -> None:
    subscription = shop.subscription()
    with refused(code="resource_missing", param="discounts[0][coupon]", says="No such coupon: 'NONE'"):
        client.v1.subscriptions.update(subscription.id, {"discounts": [{"coupon": "NONE"}]})


def test_a_deleted_coupon_is_refused_but_stays_where_it_is(client: stripe.StripeClient, shop: Shop) -> None:
    coupon = shop.coupon()
    subscription = shop.subscription(discounts=[{"coupon": coupon.id}])
    client.v1.coupons.delete(coupon.id)
    with refused(code="resource_missing", param="discounts[0][coupon]"):
        shop.subscription(discounts=[{"coupon": coupon.id}])
    discount = shop.fresh(subscription, "discounts.source.coupon").discounts[0]
    assert isinstance(discount, stripe.Discount)
    assert isinstance(discount.source.coupon, stripe.Coupon)
    assert discount.source.coupon.percent_off == 30


def test_money_off_in_another_currency(client: stripe.StripeClient, shop: Shop) -> None:
    coupon = client.v1.coupons.create({"amount_off": 500, "currency": "eur", "duration": "forever"})
    with refused(param="discounts[0][coupon]", says="uses currency eur"):
        shop.subscription(discounts=[{"coupon": coupon.id}])


def test_coupon_is_no_parameter_of_a_subscription(loose: Any, shop: Shop) -> None:
    subscription = shop.subscription()
    with refused(code="parameter_unknown", param="coupon"):
        loose.subscriptions.update(subscription.id, {"coupon": shop.coupon().id})


def test_a_list_overwrites_what_is_there(client: stripe.StripeClient, shop: Shop) -> None:
    subscription = shop.subscription(discounts=[{"coupon": shop.coupon().id}])
    after = client.v1.subscriptions.update(subscription.id, {"discounts": [{"coupon": shop.coupon(40).id}]})
    assert len(after.discounts) == 1
    assert after.discounts != subscription.discounts


def test_a_discount_that_is_sent_again_stays_itself(client: stripe.StripeClient, shop: Shop) -> None:
    subscription = shop.subscription(discounts=[{"coupon": shop.coupon(10, None).id}])
    kept = str(subscription.discounts[0])
    after = client.v1.subscriptions.update(
        subscription.id, {"discounts": [{"discount": kept}, {"coupon": shop.coupon().id}]}
    )
    assert after.discounts[0] == kept
    assert len(after.discounts) == 2
    assert after.discounts[1] != kept


def test_an_empty_list_changes_nothing(client: stripe.StripeClient, shop: Shop) -> None:
    subscription = shop.subscription(discounts=[{"coupon": shop.coupon().id}])
    after = client.v1.subscriptions.update(subscription.id, {"discounts": []})
    assert after.discounts == subscription.discounts


def test_an_empty_string_clears(client: stripe.StripeClient, shop: Shop) -> None:
    subscription = shop.subscription(discounts=[{"coupon": shop.coupon().id}])
    assert client.v1.subscriptions.update(subscription.id, {"discounts": ""}).discounts == []


def test_a_discount_of_another_subscription(client: stripe.StripeClient, shop: Shop) -> None:
    other = shop.subscription(discounts=[{"coupon": shop.coupon().id}])
    subscription = shop.subscription()
    with refused(code="resource_missing", param="discounts[0][discount]"):
        client.v1.subscriptions.update(subscription.id, {"discounts": [{"discount": str(other.discounts[0])}]})


def test_an_entry_is_a_coupon_or_a_discount(client: stripe.StripeClient, shop: Shop) -> None:
    subscription = shop.subscription(discounts=[{"coupon": shop.coupon().id}])
    both: stripe.params.SubscriptionUpdateParamsDiscount = {
        "coupon": shop.coupon().id,
        "discount": str(subscription.discounts[0]),
    }
    with refused(param="discounts[0][coupon]", says="You may only specify one of these parameters"):
        client.v1.subscriptions.update(subscription.id, {"discounts": [both]})


def test_the_same_entry_twice(client: stripe.StripeClient, shop: Shop) -> None:
    coupon = shop.coupon().id
    with refused(param="discounts[1]", says="must be unique"):
        shop.subscription(discounts=[{"coupon": coupon}, {"coupon": coupon}])


def test_a_refused_update_redeems_nothing(client: stripe.StripeClient, shop: Shop) -> None:
    coupon, subscription = shop.coupon(), shop.subscription()
    with refused(param="cancel_at", says="future"):
        client.v1.subscriptions.update(subscription.id, {"discounts": [{"coupon": coupon.id}], "cancel_at": 1})
    assert client.v1.coupons.retrieve(coupon.id).times_redeemed == 0
    assert shop.fresh(subscription).discounts == []


def test_a_discount_keeps_its_terms_when_the_coupons_id_is_used_again(shop: Shop) -> None:
    coupon = shop.coupon(10, None)
    subscription = shop.subscription(discounts=[{"coupon": coupon.id}])
    shop.v1.coupons.delete(coupon.id)
    shop.coupon(90, None, id=coupon.id)
    assert shop.v1.invoices.create_preview({"subscription": subscription.id}).amount_due == 4410
