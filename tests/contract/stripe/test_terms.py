"""A fixed term: a subscription created with an end date months away."""

from typing import Any

import stripe

from .shop import START, Shop, at

TERM = at(2027, 12, 15)


def _with_term(shop: Shop, clock: str) -> stripe.Subscription:
    return shop.subscription(shop.customer(clock=clock), cancel_at=TERM)


def _signs(subscription: stripe.Subscription) -> tuple[int | None, bool, int | None, str | None]:
    assert subscription.cancellation_details is not None
    return (
        subscription.cancel_at,
        subscription.cancel_at_period_end,
        subscription.canceled_at,
        subscription.cancellation_details.reason,
    )


def _previous(shop: Shop, subscription: stripe.Subscription) -> dict[str, Any]:
    event = shop.events(subscription.id, "customer.subscription.updated")[-1]
    assert event.data.previous_attributes is not None
    return event.data.previous_attributes.to_dict()


def test_a_customer_and_a_subscription_name_their_test_clock(shop: Shop) -> None:
    clock = shop.clock()
    customer = shop.customer(clock=clock)
    subscription = shop.subscription(customer)
    assert (customer.test_clock, subscription.test_clock) == (clock, clock)
    assert (shop.customer().test_clock, shop.subscription().test_clock) == (None, None)


def test_the_term_stands_from_the_beginning(shop: Shop) -> None:
    subscription = _with_term(shop, shop.clock())
    assert subscription.status == "active"
    assert _signs(subscription) == (TERM, False, START, "cancellation_requested")
    (event,) = shop.events(subscription.id)
    assert (event.type, event.data.object["cancel_at"]) == ("customer.subscription.created", TERM)


def test_it_renews_until_the_term_and_ends_then(shop: Shop) -> None:
    clock = shop.clock()
    subscription = _with_term(shop, clock)
    shop.advance(clock, TERM - 1)
    before = shop.fresh(subscription)
    assert (before.status, before["items"].data[0].current_period_end) == ("active", TERM)
    shop.advance(clock, at(2028, 2, 1))
    after = shop.fresh(subscription)
    assert (after.status, after.ended_at, after.canceled_at) == ("canceled", TERM, START)
    invoices = shop.v1.invoices.list({"subscription": subscription.id, "limit": 100}).data
    assert [one.created for one in invoices[::-1]] == [at(2027, month, 15) for month in range(1, 12)]


def test_an_earlier_end_replaces_the_term(shop: Shop) -> None:
    clock = shop.clock()
    subscription = _with_term(shop, clock)
    shop.advance(clock, at(2027, 1, 20))
    after = shop.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    assert _signs(after) == (at(2027, 2, 15), True, at(2027, 1, 20), "cancellation_requested")
    assert _previous(shop, subscription) == {"cancel_at": TERM, "cancel_at_period_end": False, "canceled_at": START}
    shop.advance(clock, at(2027, 2, 15))
    assert shop.fresh(subscription).ended_at == at(2027, 2, 15)


def test_clearing_the_earlier_end_does_not_bring_the_term_back(shop: Shop) -> None:
    subscription = _with_term(shop, shop.clock())
    shop.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    after = shop.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": False})
    assert _signs(after) == (None, False, None, None)
    assert _previous(shop, subscription) == {
        "cancel_at": at(2027, 2, 15),
        "cancel_at_period_end": True,
        "canceled_at": START,
        "cancellation_details": {"reason": "cancellation_requested"},
    }


def test_the_term_is_restored_by_its_date(shop: Shop) -> None:
    clock = shop.clock()
    subscription = _with_term(shop, clock)
    shop.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    shop.advance(clock, at(2027, 1, 20))
    after = shop.v1.subscriptions.update(subscription.id, {"cancel_at": TERM})
    assert _signs(after) == (TERM, False, at(2027, 1, 20), "cancellation_requested")
    assert _previous(shop, subscription) == {
        "cancel_at": at(2027, 2, 15),
        "cancel_at_period_end": True,
        "canceled_at": START,
    }
    shop.advance(clock, at(2027, 3, 1))
    assert shop.fresh(subscription).status == "active"


def test_a_term_that_was_cleared_comes_no_more(shop: Shop) -> None:
    clock = shop.clock()
    subscription = _with_term(shop, clock)
    after = shop.v1.subscriptions.update(subscription.id, {"cancel_at": ""})
    assert _signs(after) == (None, False, None, None)
    assert _previous(shop, subscription) == {
        "cancel_at": TERM,
        "canceled_at": START,
        "cancellation_details": {"reason": "cancellation_requested"},
    }
    shop.advance(clock, at(2028, 1, 1))
    assert shop.fresh(subscription).status == "active"
