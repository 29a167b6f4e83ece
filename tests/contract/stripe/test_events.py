"""Events: one per change, with the previous values and the request that caused it."""

from uuid import uuid4

import pytest
import stripe

from .refusals import refused
from .shop import Shop


def test_what_was_before(shop: Shop) -> None:
    subscription = shop.subscription()
    shop.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    (event,) = shop.events(subscription.id, "customer.subscription.updated")
    assert event.data.previous_attributes is not None
    assert event.data.previous_attributes.to_dict() == {
        "cancel_at": None,
        "cancel_at_period_end": False,
        "canceled_at": None,
        "cancellation_details": {"reason": None},
    }
    assert event.data.object["cancel_at_period_end"] is True


def test_whose_request_it_was(shop: Shop) -> None:
    key = uuid4().hex
    subscription = shop.subscription()
    shop.v1.subscriptions.update(subscription.id, {"metadata": {"a": "1"}}, {"idempotency_key": key})
    (event,) = shop.events(subscription.id, "customer.subscription.updated")
    assert event.request is not None
    assert event.request.idempotency_key == key
    assert str(event.request.id).startswith("req_")


def test_a_replay_is_no_event(shop: Shop) -> None:
    subscription, options = shop.subscription(), stripe.RequestOptions(idempotency_key=uuid4().hex)
    for _ in range(3):
        shop.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True}, options)
    assert len(shop.events(subscription.id, "customer.subscription.updated")) == 1


def test_no_change_is_no_event(shop: Shop) -> None:
    subscription = shop.subscription()
    shop.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": False})
    assert shop.events(subscription.id, "customer.subscription.updated") == []


def test_a_refusal_is_no_event(shop: Shop) -> None:
    subscription = shop.subscription()
    with refused(param="cancel_at", says="future"):
        shop.v1.subscriptions.update(subscription.id, {"cancel_at": 1, "metadata": {"a": "1"}})
    assert [event.type for event in shop.events(subscription.id)] == ["customer.subscription.created"]


def test_a_new_subscription_tells_of_its_invoice(shop: Shop) -> None:
    subscription = shop.subscription()
    kinds = [event.type for event in shop.events(str(subscription.latest_invoice))]
    assert kinds[:2] == ["invoice.created", "invoice.finalized"]
    assert {"invoice.paid", "invoice.payment_succeeded"} <= set(kinds)


def test_a_discount_tells_of_itself(shop: Shop) -> None:
    subscription = shop.subscription()
    after = shop.v1.subscriptions.update(subscription.id, {"discounts": [{"coupon": shop.coupon().id}]})
    assert [event.type for event in shop.events(str(after.discounts[0]))] == ["customer.discount.created"]
    (event,) = shop.events(subscription.id, "customer.subscription.updated")
    assert event.data.previous_attributes is not None
    assert event.data.previous_attributes.to_dict() == {"discounts": []}


@pytest.mark.parametrize("kind", ["subscription_schedule.released", "subscription_schedule.*"])
def test_events_by_type(shop: Shop, kind: str) -> None:
    schedule = shop.v1.subscription_schedules.create({"from_subscription": shop.subscription().id})
    shop.v1.subscription_schedules.release(schedule.id)
    newest = shop.v1.events.list({"type": kind, "limit": 1}).data[0]
    assert (newest.type, newest.data.object["id"]) == ("subscription_schedule.released", schedule.id)
    assert shop.v1.events.retrieve(newest.id).to_dict() == newest.to_dict()


def test_an_event_shows_things_as_they_were(shop: Shop) -> None:
    subscription = shop.subscription()
    shop.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    shop.v1.subscriptions.cancel(subscription.id)
    (event,) = shop.events(subscription.id, "customer.subscription.updated")
    assert event.data.object["status"] == "active"
