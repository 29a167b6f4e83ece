"""Subscriptions: creation, lists, and permitted changes."""

from typing import Any

import pytest
import stripe

from .refusals import refused
from .shop import DAY, START, Shop, at, period_end


def test_the_period_is_on_the_items(shop: Shop) -> None:
    clock = shop.clock()
    subscription = shop.subscription(shop.customer(clock=clock))
    (item,) = subscription["items"].data
    assert (item.current_period_start, item.current_period_end) == (START, at(2027, 2, 15))
    assert "current_period_end" not in subscription.to_dict()


def test_the_31st_stays_the_31st(shop: Shop) -> None:
    clock = shop.clock(at(2027, 1, 31))
    subscription = shop.subscription(shop.customer(clock=clock))
    assert period_end(subscription) == at(2027, 2, 28)
    shop.advance(clock, at(2027, 3, 1))
    assert period_end(shop.fresh(subscription)) == at(2027, 3, 31)


def test_billing_is_flexible_unless_classic_is_asked_for(shop: Shop) -> None:
    assert shop.subscription().billing_mode.type == "flexible"
    assert shop.subscription(billing_mode={"type": "classic"}).billing_mode.type == "classic"


def test_classic_billing_has_one_interval(shop: Shop) -> None:
    items = [{"price": shop.price().id}, {"price": shop.price("year").id}]
    with refused(says="Currency and interval fields must match"):
        shop.subscription(items=items, billing_mode={"type": "classic"})


def test_without_a_card_nothing_begins(shop: Shop) -> None:
    customer = shop.customer(None)
    with refused(code="resource_missing", says="no attached payment source or default payment method"):
        shop.subscription(customer)
    assert shop.v1.subscriptions.list({"customer": customer.id, "status": "all"}).data == []


def test_a_card_that_fails_leaves_it_incomplete(shop: Shop) -> None:
    subscription = shop.subscription(shop.customer("pm_card_chargeCustomerFail"), expand=["latest_invoice"])
    assert isinstance(subscription.latest_invoice, stripe.Invoice)
    assert (subscription.status, subscription.latest_invoice.status) == ("incomplete", "open")


def test_a_card_that_fails_is_an_error_if_wished(shop: Shop) -> None:
    customer = shop.customer("pm_card_chargeCustomerFail")
    with pytest.raises(stripe.CardError) as caught:
        shop.subscription(customer, payment_behavior="error_if_incomplete")
    assert (caught.value.http_status, caught.value.code) == (402, "card_declined")
    assert shop.v1.subscriptions.list({"customer": customer.id, "status": "all"}).data == []


def test_a_first_payment_made_later_begins_it(shop: Shop) -> None:
    subscription = shop.subscription(shop.customer(None), payment_behavior="default_incomplete")
    assert subscription.status == "incomplete"
    paid = shop.v1.invoices.pay(str(subscription.latest_invoice), {"payment_method": "pm_card_visa"})
    assert (paid.status, shop.fresh(subscription).status) == ("paid", "active")


def test_its_own_card_goes_before_the_customers(shop: Shop) -> None:
    subscription = shop.subscription(shop.customer("pm_card_chargeCustomerFail"), default_payment_method="pm_card_visa")
    assert subscription.status == "active"


def test_an_unknown_customer(shop: Shop) -> None:
    with refused(code="resource_missing", param="customer", status=404, says="No such customer: 'cus_none'"):
        shop.v1.subscriptions.create({"customer": "cus_none", "items": [{"price": shop.price().id}]})


def test_lists_hide_what_is_canceled(shop: Shop) -> None:
    customer = shop.customer()
    ended, live = shop.subscription(customer), shop.subscription(customer)
    shop.v1.subscriptions.cancel(ended.id)

    def listed(**params: Any) -> list[str]:
        return [one.id for one in shop.v1.subscriptions.list({"customer": customer.id, **params}).data]  # type: ignore[arg-type]

    assert listed() == [live.id]
    assert listed(status="all") == [live.id, ended.id]
    assert listed(status="canceled") == listed(status="ended") == [ended.id]
    assert listed(status="active") == [live.id]


def test_lists_by_price(shop: Shop) -> None:
    customer, price = shop.customer(), shop.price("month", 777)
    shop.subscription(customer)
    wanted = shop.subscription(customer, items=[{"price": price.id}])
    assert [one.id for one in shop.v1.subscriptions.list({"price": price.id}).data] == [wanted.id]


def test_lists_show_test_clocks_only_by_customer_or_clock(shop: Shop) -> None:
    clock, price = shop.clock(), shop.price("month", 778)
    subscription = shop.subscription(shop.customer(clock=clock), items=[{"price": price.id}])
    assert shop.v1.subscriptions.list({"price": price.id}).data == []
    assert [one.id for one in shop.v1.subscriptions.list({"test_clock": clock}).data] == [subscription.id]
    assert [one.id for one in shop.v1.subscriptions.list({"customer": str(subscription.customer)}).data] == [
        subscription.id
    ]


def test_metadata_merges(shop: Shop) -> None:
    subscription = shop.subscription(metadata={"a": "1", "b": "2"})
    after = shop.v1.subscriptions.update(subscription.id, {"metadata": {"b": "", "c": "3"}})
    assert after.metadata.to_dict() == {"a": "1", "c": "3"}
    assert shop.v1.subscriptions.update(subscription.id, {"metadata": ""}).metadata.to_dict() == {}


def test_items_are_read_on_their_own(shop: Shop) -> None:
    subscription = shop.subscription()
    (item,) = shop.v1.subscription_items.list({"subscription": subscription.id}).data
    assert shop.v1.subscription_items.retrieve(item.id).price.id == shop.price().id
    with pytest.raises(stripe.InvalidRequestError, match="Invalid subscription_item id: si_none"):
        shop.v1.subscription_items.retrieve("si_none")


def test_items_change_through_their_subscription(shop: Shop) -> None:
    subscription = shop.subscription()
    (item,) = subscription["items"].data
    after = shop.v1.subscriptions.update(
        subscription.id, {"items": [{"id": item.id, "price": shop.price("month", 9900).id, "quantity": 2}]}
    )
    (changed,) = after["items"].data
    assert (changed.id, changed.price.unit_amount, changed.quantity) == (item.id, 9900, 2)


def test_a_trial_then_a_period(shop: Shop) -> None:
    clock = shop.clock()
    subscription = shop.subscription(shop.customer(clock=clock), trial_period_days=14, expand=["latest_invoice"])
    assert isinstance(subscription.latest_invoice, stripe.Invoice)
    assert (subscription.status, subscription.trial_end) == ("trialing", START + 14 * DAY)
    assert (subscription.latest_invoice.amount_due, subscription.latest_invoice.status) == (0, "paid")
    shop.advance(clock, START + 11 * DAY)
    assert len(shop.events(subscription.id, "customer.subscription.trial_will_end")) == 1
    shop.advance(clock, START + 15 * DAY)
    after = shop.fresh(subscription, "latest_invoice")
    assert isinstance(after.latest_invoice, stripe.Invoice)
    assert (after.status, after.latest_invoice.amount_paid) == ("active", 4900)
    assert period_end(after) == at(2027, 2, 28)


def test_a_trial_ended_by_hand(shop: Shop) -> None:
    subscription = shop.subscription(trial_period_days=14)
    assert shop.v1.subscriptions.update(subscription.id, {"trial_end": "now"}).status == "active"


def test_a_trial_without_a_card_can_cancel_itself(shop: Shop) -> None:
    clock = shop.clock()
    settings = {"end_behavior": {"missing_payment_method": "cancel"}}
    subscription = shop.subscription(shop.customer(None, clock), trial_period_days=7, trial_settings=settings)
    shop.advance(clock, START + 8 * DAY)
    assert shop.fresh(subscription).status == "canceled"


def test_a_paused_one_resumes_with_a_new_period(shop: Shop) -> None:
    clock = shop.clock()
    settings = {"end_behavior": {"missing_payment_method": "pause"}}
    subscription = shop.subscription(shop.customer(None, clock), trial_period_days=7, trial_settings=settings)
    with refused(says="You can only resume a subscription if it is `paused`."):
        shop.v1.subscriptions.resume(subscription.id)
    shop.advance(clock, START + 10 * DAY)
    shop.v1.subscriptions.update(subscription.id, {"default_payment_method": "pm_card_visa"})
    after = shop.v1.subscriptions.resume(subscription.id)
    assert (after.status, period_end(after)) == ("active", at(2027, 2, 25))


def test_collection_pauses_and_resumes(shop: Shop) -> None:
    clock = shop.clock()
    subscription = shop.subscription(shop.customer(clock=clock))
    pause: stripe.params.SubscriptionUpdateParamsPauseCollection = {"behavior": "void", "resumes_at": at(2027, 3, 1)}
    shop.v1.subscriptions.update(subscription.id, {"pause_collection": pause})
    shop.advance(clock, at(2027, 2, 16))
    paused = shop.fresh(subscription, "latest_invoice")
    assert isinstance(paused.latest_invoice, stripe.Invoice)
    assert (paused.status, paused.latest_invoice.status) == ("active", "void")
    shop.advance(clock, at(2027, 3, 16))
    resumed = shop.fresh(subscription, "latest_invoice")
    assert isinstance(resumed.latest_invoice, stripe.Invoice)
    assert (resumed.pause_collection, resumed.latest_invoice.status) == (None, "paid")
