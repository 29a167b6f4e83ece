"""Schedules: what a managed subscription rejects, and how it is released."""

from typing import Any

import pytest
import stripe

from .refusals import refused
from .shop import START, Shop, at, lines, period_end


def _scheduled(shop: Shop, clock: str | None = None) -> tuple[stripe.Subscription, stripe.SubscriptionSchedule]:
    subscription = shop.subscription(shop.customer(clock=clock))
    return subscription, shop.v1.subscription_schedules.create({"from_subscription": subscription.id})


def test_a_schedule_from_a_subscription(shop: Shop) -> None:
    subscription, schedule = _scheduled(shop)
    assert (schedule.status, schedule.end_behavior, schedule.subscription) == ("active", "release", subscription.id)
    assert schedule.current_phase is not None
    assert schedule.current_phase.end_date == period_end(subscription)
    assert shop.fresh(subscription).schedule == schedule.id


def test_one_subscription_has_one_schedule(shop: Shop) -> None:
    subscription, schedule = _scheduled(shop)
    with refused(param="from_subscription", says=f"already attached to a schedule: `{schedule.id}`"):
        shop.v1.subscription_schedules.create({"from_subscription": subscription.id})


def test_a_managed_subscription_refuses_to_be_cancelled_directly(shop: Shop) -> None:
    subscription, schedule = _scheduled(shop)
    says = (
        f"The subscription is managed by the subscription schedule `{schedule.id}`, and updating any cancelation "
        "behavior directly is not allowed. Please update the schedule instead."
    )
    with refused(says=says):
        shop.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    with refused(says=says):
        shop.v1.subscriptions.update(subscription.id, {"cancel_at": period_end(subscription)})


def test_release_then_cancel(shop: Shop) -> None:
    subscription, schedule = _scheduled(shop)
    released = shop.v1.subscription_schedules.release(schedule.id)
    assert (released.status, released.released_subscription, released.subscription) == (
        "released",
        subscription.id,
        None,
    )
    assert released.released_at is not None
    assert shop.fresh(subscription).schedule is None
    after = shop.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    assert after.cancel_at == period_end(subscription)


def test_a_schedule_is_released_once(shop: Shop) -> None:
    _, schedule = _scheduled(shop)
    shop.v1.subscription_schedules.release(schedule.id)
    with refused(says="You cannot release a subscription schedule that is currently in the `released` status."):
        shop.v1.subscription_schedules.release(schedule.id)


def test_cancelling_a_schedule_ends_its_subscription_at_once(shop: Shop) -> None:
    subscription, schedule = _scheduled(shop)
    after = shop.v1.subscription_schedules.cancel(schedule.id, {"invoice_now": False, "prorate": False})
    assert (after.status, after.canceled_at is not None) == ("canceled", True)
    assert shop.fresh(subscription).status == "canceled"


def test_cancelling_a_schedule_credits_the_rest_by_default(shop: Shop) -> None:
    for params, totals in (({}, [4900, -2450]), ({"prorate": False}, [4900])):
        clock = shop.clock()
        subscription, schedule = _scheduled(shop, clock)
        shop.advance(clock, at(2027, 1, 30) + 43_200)
        shop.v1.subscription_schedules.cancel(schedule.id, params)  # type: ignore[arg-type]
        assert [one.total for one in shop.invoices(subscription)] == totals


def test_a_later_phase_changes_the_price(shop: Shop) -> None:
    clock = shop.clock()
    subscription, schedule = _scheduled(shop, clock)
    dear = shop.price("month", 9900).id
    phases: list[stripe.params.SubscriptionScheduleUpdateParamsPhase] = [
        {"items": [{"price": shop.price().id}], "start_date": at(2027, 1, 15), "end_date": at(2027, 2, 15)},
        {"items": [{"price": dear}], "duration": {"interval": "month", "interval_count": 2}},
    ]
    after = shop.v1.subscription_schedules.update(schedule.id, {"phases": phases})
    assert [phase.end_date for phase in after.phases] == [at(2027, 2, 15), at(2027, 4, 15)]
    shop.advance(clock, at(2027, 2, 16))
    renewed = shop.fresh(subscription, "latest_invoice")
    assert isinstance(renewed.latest_invoice, stripe.Invoice)
    assert (renewed["items"].data[0].price.id, renewed.latest_invoice.amount_due) == (dear, 9900)
    shop.advance(clock, at(2027, 4, 16))
    assert shop.v1.subscription_schedules.retrieve(schedule.id).status == "released"
    assert shop.fresh(subscription).status == "active"


def _switch(shop: Shop, subscription: stripe.Subscription, price: stripe.Price, **later: Any) -> str:
    """Schedule another price for the end of the current period, with the discounts of today."""
    made = shop.v1.subscription_schedules.create({"from_subscription": subscription.id})
    item = subscription["items"].data[0]
    kept = [{"discount": str(one)} for one in subscription.discounts]
    now = {"start_date": item.current_period_start, "end_date": item.current_period_end}
    phases: Any = [
        now | {"items": [{"price": item.price.id, "quantity": 1}], "discounts": kept},
        {"items": [{"price": price.id, "quantity": 1}], "discounts": kept, "proration_behavior": "none"}
        | {"duration": {"interval": "month", "interval_count": 1}}
        | later,
    ]
    shop.v1.subscription_schedules.update(made.id, {"phases": phases, "end_behavior": "release"})
    return made.id


@pytest.mark.parametrize("yearly", [False, True])
def test_a_switch_at_the_periods_end_keeps_the_discounts(shop: Shop, yearly: bool) -> None:
    clock = shop.clock()
    subscription = shop.subscription(shop.customer(clock=clock), discounts=[{"coupon": shop.coupon(50, 3).id}])
    held = shop.fresh(subscription, "discounts").discounts[0]
    assert isinstance(held, stripe.Discount)
    shop.advance(clock, at(2027, 1, 20))
    price = shop.price("year", 40_000) if yearly else shop.price("month", 900)
    schedule = _switch(shop, subscription, price, duration={"interval": "year" if yearly else "month"})
    assert [event.type for event in shop.events(held.id)] == ["customer.discount.created"]
    preview = shop.v1.invoices.create_preview({"subscription": subscription.id})
    shop.advance(clock, at(2027, 2, 16))
    _, renewal = shop.invoices(subscription)
    assert (renewal.billing_reason, renewal.amount_paid) == ("subscription_cycle", price.unit_amount // 2)  # type: ignore[operator]
    assert (lines(preview), preview.amount_due) == (lines(renewal), renewal.amount_due)
    after = shop.fresh(subscription, "discounts")
    assert (after["items"].data[0].price.id, after.billing_cycle_anchor) == (
        price.id,
        at(2027, 2, 15) if yearly else START,
    )
    assert period_end(after) == (at(2028, 2, 15) if yearly else at(2027, 3, 15))
    assert [one.to_dict() for one in after.discounts if isinstance(one, stripe.Discount)] == [held.to_dict()]
    shop.advance(clock, at(2028, 2, 16) if yearly else at(2027, 3, 16))
    assert shop.v1.subscription_schedules.retrieve(schedule).status == "released"
    last = shop.invoices(subscription)[-1]
    assert (last.total, shop.fresh(subscription).schedule) == (40_000 if yearly else 450, None)


def test_a_discount_that_ends_before_the_switch_does_not_prevent_it(shop: Shop) -> None:
    clock = shop.clock()
    yearly = shop.subscription(shop.customer(clock=clock), items=[{"price": shop.price("year", 40_000).id}])
    shop.v1.subscriptions.update(yearly.id, {"discounts": [{"coupon": shop.coupon(50, 3).id}]})
    _switch(shop, shop.fresh(yearly), shop.price())
    shop.advance(clock, at(2028, 1, 16))
    assert shop.invoices(yearly)[-1].amount_paid == 4900
    assert shop.fresh(yearly).discounts == []


def test_a_phase_that_names_no_discount_has_none(shop: Shop) -> None:
    clock = shop.clock()
    subscription = shop.subscription(shop.customer(clock=clock), discounts=[{"coupon": shop.coupon(50, None).id}])
    _switch(shop, subscription, shop.price("month", 900), discounts=[])
    shop.advance(clock, at(2027, 2, 16))
    assert (shop.invoices(subscription)[-1].amount_paid, shop.fresh(subscription).discounts) == (900, [])


def test_a_change_of_the_current_phase_is_billed_now(shop: Shop) -> None:
    clock = shop.clock()
    subscription, schedule = _scheduled(shop, clock)
    shop.advance(clock, at(2027, 1, 30) + 43_200)
    phase: Any = {"items": [{"price": shop.price("month", 9900).id}], "end_date": at(2027, 2, 15)}
    given: Any = {"phases": [phase], "proration_behavior": "always_invoice"}
    shop.v1.subscription_schedules.update(schedule.id, given)
    assert shop.invoices(subscription)[-1].amount_paid == 2500


def test_a_phase_that_begins_within_a_period_prorates(shop: Shop) -> None:
    clock = shop.clock()
    subscription, schedule = _scheduled(shop, clock)
    half = at(2027, 1, 30) + 43_200
    phases: Any = [
        {"items": [{"price": shop.price().id}], "end_date": half},
        {"items": [{"price": shop.price("month", 9900).id}], "proration_behavior": "always_invoice"},
    ]
    shop.v1.subscription_schedules.update(schedule.id, {"phases": phases})
    shop.advance(clock, half + 1)
    assert [one.amount_paid for one in shop.invoices(subscription)] == [4900, 2500]


def test_a_schedule_that_cancels_ends_the_subscription_with_its_last_phase(shop: Shop) -> None:
    clock = shop.clock()
    subscription, schedule = _scheduled(shop, clock)
    shop.v1.subscription_schedules.update(schedule.id, {"end_behavior": "cancel"})
    assert shop.fresh(subscription).cancel_at == at(2027, 2, 15)
    shop.advance(clock, at(2027, 2, 16))
    assert (shop.fresh(subscription).status, shop.fresh(subscription).ended_at) == ("canceled", at(2027, 2, 15))
    assert shop.v1.subscription_schedules.retrieve(schedule.id).status == "completed"


def test_release_takes_the_end_away_unless_it_is_to_stay(shop: Shop) -> None:
    for keep in (False, True):
        subscription, schedule = _scheduled(shop)
        shop.v1.subscription_schedules.update(schedule.id, {"end_behavior": "cancel"})
        shop.v1.subscription_schedules.release(schedule.id, {"preserve_cancel_date": keep})
        assert (shop.fresh(subscription).cancel_at is not None) is keep


def test_schedules_of_a_customer(shop: Shop) -> None:
    subscription, schedule = _scheduled(shop)
    params: stripe.params.SubscriptionScheduleListParams = {"customer": str(subscription.customer)}
    assert [one.id for one in shop.v1.subscription_schedules.list(params).data] == [schedule.id]


def test_a_subscription_that_is_to_end_still_ends_by_its_schedule(shop: Shop) -> None:
    subscription = shop.subscription()
    shop.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    schedule = shop.v1.subscription_schedules.create({"from_subscription": subscription.id})
    assert (schedule.end_behavior, schedule.phases[0].end_date) == ("cancel", period_end(subscription))
    shop.v1.subscription_schedules.release(schedule.id)
    assert (shop.fresh(subscription).cancel_at, shop.fresh(subscription).cancel_at_period_end) == (None, False)


def test_time_goes_on_when_a_phase_cannot_begin(shop: Shop) -> None:
    clock = shop.clock()
    subscription, schedule = _scheduled(shop, clock)
    coupon = shop.coupon()
    phases: list[stripe.params.SubscriptionScheduleUpdateParamsPhase] = [
        {"items": [{"price": shop.price().id}], "end_date": at(2027, 2, 15)},
        {"items": [{"price": shop.price().id}], "discounts": [{"coupon": coupon.id}]},
    ]
    shop.v1.subscription_schedules.update(schedule.id, {"phases": phases})
    shop.v1.coupons.delete(coupon.id)
    shop.advance(clock, at(2027, 4, 1))
    assert (shop.fresh(subscription).status, shop.fresh(subscription).discounts) == ("active", [])


def test_an_unknown_coupon_in_a_phase(shop: Shop) -> None:
    _, schedule = _scheduled(shop)
    phase: stripe.params.SubscriptionScheduleUpdateParamsPhase = {
        "items": [{"price": shop.price().id}],
        "discounts": [{"coupon": "NONE"}],
    }
    with refused(code="resource_missing", param="phases[0][discounts][0][coupon]"):
        shop.v1.subscription_schedules.update(schedule.id, {"phases": [phase]})
