"""Stripe through its real SDK, against the simulator: what is sent, what is read, and how failures are reported."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any, TypeVar
from uuid import uuid4

import pytest
import stripe

from nodes.clients.billing import client as module
from nodes.clients.billing.calls import READ_SECONDS, WRITE_SECONDS
from nodes.clients.billing.client import NETWORK_RETRIES, Billing
from nodes.clients.billing.objects import BillingSubscription, Discount, Item
from nodes.errors import BillingFailed
from nodes.rules.catalog import Price
from nodes.rules.offers import RetentionOffer
from nodes.settings import BillingSettings
from tests.contract.stripe.process import KEY, Simulator
from tests.contract.stripe.shop import Shop
from tests.ports import free_port

# The SDK passes the body to httpx as `data`, which httpx deprecates in favour of `content`.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload raw bytes:DeprecationWarning")

Result = TypeVar("Result")
PERSONAL = "ada@example.com: too dear for me"


def with_stripe(url: str, work: Callable[[Billing], Awaitable[Result]], key: str = KEY) -> Result:
    """Return the work's result, with a client opened only for it."""

    async def scenario() -> Result:
        billing = Billing(BillingSettings.model_validate({"stripe_api_key": key, "stripe_api_base": url}))
        try:
            return await work(billing)
        finally:
            await billing.close()

    return asyncio.run(scenario())


def read(simulator: Simulator, subscription: stripe.Subscription) -> BillingSubscription:
    return with_stripe(simulator.url, lambda billing: billing.subscription(subscription.id))


def cancel(
    simulator: Simulator, subscription: stripe.Subscription, *, key: str = "", comment: str | None = None
) -> BillingSubscription:
    return with_stripe(
        simulator.url,
        lambda billing: billing.cancel_at_period_end(
            subscription.id, feedback="too_expensive", comment=comment, key=key or uuid4().hex
        ),
    )


def failure(url: str, work: Callable[[Billing], Awaitable[object]], key: str = KEY) -> BillingFailed:
    with pytest.raises(BillingFailed) as caught:
        with_stripe(url, work, key)
    error = caught.value
    assert error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None
    assert PERSONAL not in str(error)
    return error


def canceling(subscription_id: str, comment: str | None = PERSONAL) -> Callable[[Billing], Awaitable[object]]:
    return lambda billing: billing.cancel_at_period_end(
        subscription_id, feedback="too_expensive", comment=comment, key=uuid4().hex
    )


def utc(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


# Reading


def test_a_subscription_is_read_as_it_is_in_stripe(simulator: Simulator, shop: Shop) -> None:
    made = shop.subscription()
    [item] = made["items"].data
    found = read(simulator, made)
    assert found.stripe_request_id is not None
    assert found.stripe_request_id.startswith("req_")
    assert found.read_at is not None
    assert replace(found, stripe_request_id=None, read_at=None) == BillingSubscription(
        id=made.id,
        status="active",
        cancel_at_period_end=False,
        cancel_at=None,
        ended_at=None,
        current_period_start=utc(item.current_period_start),
        current_period_end=utc(item.current_period_end),
        last_period_start=utc(item.current_period_start),
        last_period_end=utc(item.current_period_end),
        schedule_id=None,
        discounts=(),
        inherited_discount=None,
        items=(
            Item(
                item.id,
                Price(item.price.id, str(item.price.product), item.price.lookup_key),
                ("month", 1),
                1,
                item.price.unit_amount,
            ),
        ),
        currency="usd",
        anchor=utc(made.billing_cycle_anchor),
        started_at=utc(made.start_date),
    )
    assert not found.pending


def test_the_earliest_period_counts_and_mixed_periods_are_not_monthly(simulator: Simulator, shop: Shop) -> None:
    product = shop.v1.products.create({"name": "Support"}).id
    month = {"interval": "month"}
    quarter = {"interval": "month", "interval_count": 3}
    prices = [
        shop.v1.prices.create(
            {"product": product, "currency": "usd", "unit_amount": 900, "recurring": recurring}  # type: ignore[typeddict-item]
        ).id
        for recurring in (quarter, month)
    ]
    mixed = shop.subscription(items=[{"price": price} for price in prices], billing_mode={"type": "flexible"})
    ends = sorted(item.current_period_end for item in mixed["items"].data)
    assert ends[0] < ends[1]
    found = read(simulator, mixed)
    assert found.current_period_end == utc(ends[0])
    assert not found.billed_monthly


def test_a_yearly_subscription_is_not_monthly(simulator: Simulator, shop: Shop) -> None:
    assert not read(simulator, shop.subscription(items=[{"price": shop.price("year").id}])).billed_monthly


def test_a_discount_includes_its_coupon(simulator: Simulator, shop: Shop) -> None:
    coupon = shop.coupon()
    found = read(simulator, shop.subscription(discounts=[{"coupon": coupon.id}]))
    [discount] = found.discounts
    assert discount == Discount(discount.id, coupon.id, discount.ends_at)
    assert discount.ends_at is not None
    assert (discount.runs(discount.ends_at - timedelta(seconds=1)), discount.runs(discount.ends_at)) == (True, False)
    assert discount.id.startswith("di_")
    assert found.discount_of(coupon.id) is discount
    assert found.discount_of("another") is None


def test_a_schedule_is_recognized(simulator: Simulator, shop: Shop) -> None:
    made = shop.subscription()
    schedule = shop.v1.subscription_schedules.create({"from_subscription": made.id})
    assert read(simulator, made).schedule_id == schedule.id


@pytest.mark.parametrize("change", [{"cancel_at_period_end": True}, {"cancel_at": "min_period_end"}])
def test_an_end_is_recognized_by_either_field(simulator: Simulator, shop: Shop, change: dict[str, Any]) -> None:
    made = shop.v1.subscriptions.update(shop.subscription().id, change)  # type: ignore[arg-type]
    found = read(simulator, made)
    assert found.pending
    assert found.cancel_at == found.current_period_end


# Cancelling


def test_a_cancellation_at_period_end_sends_its_reason_once(simulator: Simulator, shop: Shop) -> None:
    made, key = shop.subscription(), uuid4().hex
    first = cancel(simulator, made, key=key, comment=PERSONAL)
    again = cancel(simulator, made, key=key, comment=PERSONAL)
    assert first.cancel_at_period_end
    assert first.cancel_at == first.current_period_end
    assert again.cancel_at == first.cancel_at
    details = shop.fresh(made).cancellation_details
    assert details is not None
    assert (details.feedback, details.comment) == ("too_expensive", PERSONAL)
    calls = simulator.requests(method="POST", contains=made.id)
    assert [(call["idempotency_key"], call["replayed"]) for call in calls] == [(key, False), (key, True)]


def test_a_missing_reason_is_not_sent(simulator: Simulator, shop: Shop) -> None:
    made = shop.subscription()
    with_stripe(
        simulator.url,
        lambda billing: billing.cancel_at_period_end(made.id, feedback=None, comment=None, key=uuid4().hex),
    )
    [call] = simulator.requests(method="POST", contains=made.id)
    assert "feedback" not in json.dumps(call["params"])
    assert "comment" not in json.dumps(call["params"])


def test_a_key_used_for_another_call_is_refused(simulator: Simulator, shop: Shop) -> None:
    made, key = shop.subscription(), uuid4().hex
    cancel(simulator, made, key=key)
    error = failure(
        simulator.url,
        lambda billing: billing.cancel_at_period_end(made.id, feedback="other", comment=PERSONAL, key=key),
    )
    assert "IdempotencyError" in str(error)
    assert not error.uncertain


def test_a_subscription_can_be_ended_immediately(simulator: Simulator, shop: Shop) -> None:
    made = shop.subscription()
    ended = with_stripe(simulator.url, lambda billing: billing.cancel_now(made.id, feedback="unused", comment=PERSONAL))
    assert ended.status == "canceled"
    assert ended.ended_at is not None
    details = shop.fresh(made).cancellation_details
    assert details is not None
    assert (details.feedback, details.comment) == ("unused", PERSONAL)


def test_a_repeated_immediate_end_is_uncertain(simulator: Simulator, shop: Shop) -> None:
    """The SDK repeats a call whose response was lost, and a DELETE has no key by which Stripe could recognize it."""
    made = shop.subscription()
    simulator.fault(kind="lost_answer", method="DELETE", contains=made.id)
    error = failure(simulator.url, lambda billing: billing.cancel_now(made.id, feedback=None, comment=None))
    assert error.code == "resource_missing"
    assert error.uncertain
    assert read(simulator, made).status == "canceled"


def test_a_subscription_is_released_from_its_schedule_and_then_cancelled(simulator: Simulator, shop: Shop) -> None:
    made = shop.subscription()
    schedule = shop.v1.subscription_schedules.create({"from_subscription": made.id})
    assert not failure(simulator.url, canceling(made.id)).uncertain
    with_stripe(simulator.url, lambda billing: billing.release_schedule(schedule.id, key=uuid4().hex))
    assert read(simulator, made).schedule_id is None
    assert cancel(simulator, made).pending


def test_an_option_of_the_accounts_own_without_a_code_is_another_reason(simulator: Simulator, shop: Shop) -> None:
    made, option = shop.subscription(), shop.v1.billing.feedback_options.create({"description": "Moved abroad"}).id
    simulator.order("portal", subscription=made.id, action="cancel", feedback_option=option)
    assert read(simulator, made).feedback == "other"


# Staying


def offer(**terms: Any) -> RetentionOffer:
    """Return an offer that no other test uses."""
    return RetentionOffer(**{"plan": f"plan-{uuid4().hex[:8]}", "percent_off": 30, "months": 3, **terms})


def ensure(simulator: Simulator, terms: RetentionOffer) -> str:
    return with_stripe(simulator.url, lambda billing: billing.coupons.ensure(terms.terms, key=uuid4().hex))


def test_an_offers_coupon_is_created_once_and_reused(simulator: Simulator, shop: Shop) -> None:
    terms = offer(percent_off=40, months=6, entitlements=("priority_support",))
    assert ensure(simulator, terms) == ensure(simulator, terms) == terms.coupon_id
    made = shop.v1.coupons.retrieve(terms.coupon_id)
    assert (made.percent_off, made.duration, made.duration_in_months) == (40, "repeating", 6)
    assert made.name == "40% off for 6 months"
    assert len(simulator.requests(method="POST", contains=terms.coupon_id)) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"percent_off": 31, "duration": "repeating", "duration_in_months": 3},
        {"percent_off": 30, "duration": "repeating", "duration_in_months": 4},
        {"percent_off": 30, "duration": "forever"},
        {"amount_off": 500, "currency": "usd", "duration": "repeating", "duration_in_months": 3},
    ],
    ids=["percentage", "months", "forever", "amount"],
)
def test_an_existing_coupon_with_other_terms_is_refused(
    simulator: Simulator, shop: Shop, other: dict[str, Any]
) -> None:
    terms = offer()
    shop.v1.coupons.create({"id": terms.coupon_id, **other})  # type: ignore[arg-type]
    error = failure(simulator.url, lambda billing: billing.coupons.ensure(terms.terms, key=uuid4().hex))
    assert f"coupon {terms.coupon_id} has other terms than the offer" in str(error)
    assert not error.uncertain


def test_a_coupon_created_concurrently_is_used(simulator: Simulator, shop: Shop) -> None:
    terms = offer()
    ensure(simulator, terms)
    missing = {"code": "resource_missing", "param": "coupon"}
    simulator.fault(kind="status", status=404, error=missing, method="GET", contains=terms.coupon_id)
    assert ensure(simulator, terms) == terms.coupon_id
    calls = simulator.requests(contains=terms.coupon_id)[-3:]
    assert [(call["method"], call["status"]) for call in calls] == [("GET", 404), ("POST", 400), ("GET", 200)]


def test_concurrent_calls_create_one_coupon(simulator: Simulator) -> None:
    terms = offer()

    async def race(billing: Billing) -> list[str]:
        return await asyncio.gather(*(billing.coupons.ensure(terms.terms, key=uuid4().hex) for _ in range(5)))

    assert set(with_stripe(simulator.url, race)) == {terms.coupon_id}
    made = [c for c in simulator.requests(method="POST", contains=terms.coupon_id) if c["status"] == 200]
    assert len(made) == 1


def apply(simulator: Simulator, to: str, coupon_id: str, keep: Sequence[Discount]) -> BillingSubscription:
    return with_stripe(simulator.url, lambda billing: billing.apply_coupon(to, coupon_id, keep=keep, key=uuid4().hex))


def test_a_coupon_is_added_to_the_discounts_to_keep(simulator: Simulator, shop: Shop) -> None:
    own, offered = shop.coupon(10, None), shop.coupon(30, 3)
    made = shop.subscription(discounts=[{"coupon": own.id}])
    before = read(simulator, made)
    after = apply(simulator, made.id, offered.id, before.discounts_in_force)
    assert [discount.coupon_id for discount in after.discounts] == [own.id, offered.id]
    assert after.discounts[0] == before.discounts[0]
    assert not after.pending


def test_a_coupon_replaces_discounts_that_are_not_kept(simulator: Simulator, shop: Shop) -> None:
    own, offered = shop.coupon(10, None), shop.coupon(30, 3)
    made = shop.subscription(discounts=[{"coupon": own.id}])
    after = apply(simulator, made.id, offered.id, ())
    assert [discount.coupon_id for discount in after.discounts] == [offered.id]


def test_the_customers_discount_applies_until_the_subscription_has_one(simulator: Simulator, shop: Shop) -> None:
    customer, loyal, offered = shop.customer(), shop.coupon(10, None), shop.coupon(30, 3)
    simulator.order("discounts", customer=customer.id, coupon=loyal.id)
    made = shop.subscription(customer)
    before = read(simulator, made)
    assert [discount.coupon_id for discount in before.discounts_in_force] == [loyal.id]
    after = apply(simulator, made.id, offered.id, before.discounts_in_force)
    assert [discount.coupon_id for discount in after.discounts_in_force] == [loyal.id, offered.id]


# How failures are reported


def test_an_unknown_subscription_is_reported_with_stripes_code(simulator: Simulator) -> None:
    error = failure(simulator.url, lambda billing: billing.subscription("sub_unknown"))
    assert error.code == "resource_missing"
    assert error.stripe_request_id
    assert str(error) == f"Stripe: InvalidRequestError 404 resource_missing id {error.stripe_request_id}"
    assert not error.uncertain


def test_an_error_contains_neither_stripes_message_nor_our_data(simulator: Simulator, shop: Shop) -> None:
    made = shop.subscription()
    quoted = {"message": f"Invalid comment: {PERSONAL}", "param": "cancellation_details[comment]"}
    simulator.fault(kind="status", status=400, error=quoted, contains=made.id)
    error = failure(simulator.url, canceling(made.id))
    assert "Invalid comment" not in str(error)
    assert str(error) == f"Stripe: InvalidRequestError 400 cancellation_details[comment] {error.stripe_request_id}"


@pytest.mark.parametrize("key", ["sk_live_hunter2hunter2", "hunter2hunter2"])
def test_a_wrong_key_is_reported_and_not_shown(simulator: Simulator, key: str) -> None:
    error = failure(simulator.url, Billing.check, key)
    assert "hunter2" not in str(error)
    assert "401" in str(error)


def test_stripe_is_healthy_if_it_responds(simulator: Simulator) -> None:
    with_stripe(simulator.url, Billing.check)


@pytest.mark.parametrize(
    ("fault", "uncertain", "done"),
    [
        ({"kind": "status", "status": 400}, False, False),
        ({"kind": "status", "status": 402}, False, False),
        ({"kind": "status", "status": 404}, False, False),
        ({"kind": "status", "status": 429}, False, False),
        ({"kind": "status", "status": 409, "error": {"code": "lock_timeout"}}, False, False),
        ({"kind": "status", "status": 500}, True, False),
        ({"kind": "status", "status": 503}, True, False),
        ({"kind": "refuse"}, True, False),
        ({"kind": "lost_answer"}, True, True),
        ({"kind": "lost_answer", "after": "500"}, True, True),
    ],
    ids=lambda value: " ".join(map(str, value.values())) if isinstance(value, dict) else None,
)
def test_a_write_without_a_conclusive_response_is_uncertain(
    simulator: Simulator, shop: Shop, fault: dict[str, Any], uncertain: bool, done: bool
) -> None:
    made = shop.subscription()
    simulator.fault(**fault, times=0, method="POST", contains=made.id)
    assert failure(simulator.url, canceling(made.id)).uncertain is uncertain
    assert read(simulator, made).pending is done


@pytest.mark.parametrize("fault", [{"kind": "status", "status": 500}, {"kind": "refuse"}, {"kind": "lost_answer"}])
def test_a_read_is_never_uncertain(simulator: Simulator, shop: Shop, fault: dict[str, Any]) -> None:
    made = shop.subscription()
    simulator.fault(**fault, times=0, contains=made.id)
    assert not failure(simulator.url, lambda billing: billing.subscription(made.id)).uncertain


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 500},
        {"kind": "status", "status": 409, "error": {"code": "lock_timeout"}},
        {"kind": "refuse"},
        {"kind": "lost_answer"},
    ],
    ids=lambda fault: str(fault.get("status", fault["kind"])),
)
def test_a_temporary_failure_is_retried_once_with_the_same_key(
    simulator: Simulator, shop: Shop, fault: dict[str, Any]
) -> None:
    made, key = shop.subscription(), uuid4().hex
    simulator.fault(**fault, method="POST", contains=made.id)
    assert cancel(simulator, made, key=key).pending
    calls = simulator.requests(method="POST", contains=made.id)
    assert [call["idempotency_key"] for call in calls] == [key] * (1 + NETWORK_RETRIES)


@pytest.mark.parametrize("status", [400, 402, 404])
def test_a_refused_call_is_not_retried(simulator: Simulator, shop: Shop, status: int) -> None:
    made = shop.subscription()
    simulator.fault(kind="status", status=status, times=0, method="POST", contains=made.id)
    failure(simulator.url, canceling(made.id))
    assert len(simulator.requests(method="POST", contains=made.id)) == 1


def test_a_write_to_an_unreachable_stripe_is_uncertain() -> None:
    away = f"http://127.0.0.1:{free_port()}"
    assert failure(away, canceling("sub_1")).uncertain
    assert not failure(away, Billing.check).uncertain


# Timeouts


@pytest.fixture
def short_timeouts(monkeypatch: pytest.MonkeyPatch) -> float:
    """Shorten every timeout for the test."""
    seconds = 0.4
    for name in ("TIMEOUT_SECONDS", "GLANCE_SECONDS", "CHECK_SECONDS"):
        monkeypatch.setattr(module, name, seconds)
    return seconds


def test_the_timeouts_fit_into_the_callers_eight_seconds() -> None:
    tries = (1 + NETWORK_RETRIES) * module.TIMEOUT_SECONDS + 0.5 * NETWORK_RETRIES
    assert tries <= WRITE_SECONDS
    assert module.TIMEOUT_SECONDS < READ_SECONDS
    assert WRITE_SECONDS + module.GLANCE_SECONDS < 7  # with a quick look before and after


def test_a_call_without_a_response_times_out(simulator: Simulator, shop: Shop, short_timeouts: float) -> None:
    made = shop.subscription()
    simulator.fault(kind="timeout", times=0, method="POST", contains=made.id)
    began = monotonic()
    assert failure(simulator.url, canceling(made.id)).uncertain
    tries = 1 + NETWORK_RETRIES
    assert monotonic() - began >= tries * short_timeouts
    assert len(simulator.requests(method="POST", contains=made.id)) == tries


def glance(simulator: Simulator, subscription_id: str) -> BillingSubscription | None:
    return with_stripe(simulator.url, lambda billing: billing.glance(subscription_id))


def test_a_glance_returns_the_subscription_or_none(simulator: Simulator, shop: Shop) -> None:
    made = shop.subscription()
    seen = glance(simulator, made.id)
    assert seen is not None
    assert seen.id == made.id
    assert glance(simulator, "sub_unknown") is None


def test_a_glance_times_out_quickly_and_returns_none(simulator: Simulator, shop: Shop, short_timeouts: float) -> None:
    made = shop.subscription()
    simulator.fault(kind="timeout", times=0, contains=made.id)
    assert glance(simulator, made.id) is None
    assert len(simulator.requests(method="GET", contains=made.id)) == 1  # it is not retried


def test_a_health_check_times_out_quickly(simulator: Simulator, short_timeouts: float) -> None:
    simulator.fault(kind="timeout", times=0, path="^/v1/balance")
    assert failure(simulator.url, Billing.check).code is None
