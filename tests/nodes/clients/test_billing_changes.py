"""The calls that change a live subscription, its coupons and previews, against the simulator through the real SDK."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
import stripe

from nodes.clients.billing.objects import Pause
from nodes.clients.billing.previews import Discounts, Previewed
from nodes.errors import BillingFailed
from nodes.rules.ways_to_stay import Collection, DiscountTerms
from tests.contract.stripe.process import Simulator
from tests.contract.stripe.shop import DAY, START, Shop, at, period_end
from tests.nodes.clients.test_billing import failure, read, utc, with_stripe

# The SDK passes the body to httpx as `data`, which httpx deprecates in favour of `content`.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload raw bytes:DeprecationWarning")

LATER = datetime(2027, 4, 1, tzinfo=UTC)


def clocked(shop: Shop, **params: Any) -> tuple[str, stripe.Subscription]:
    """Create a subscription on a clock, ten days into its period."""
    clock = shop.clock()
    subscription = shop.subscription(shop.customer(clock=clock), **params)
    shop.advance(clock, START + 10 * DAY)
    return clock, shop.fresh(subscription)


def item_of(subscription: stripe.Subscription) -> str:
    return str(subscription["items"].data[0].id)


# Changes


@pytest.mark.parametrize("behavior", ["void", "mark_uncollectible", "keep_as_draft"])
def test_a_pause_has_an_end_and_is_ended_early(simulator: Simulator, shop: Shop, behavior: Collection) -> None:
    _, subscription = clocked(shop)

    paused = with_stripe(
        simulator.url, lambda billing: billing.changes.pause(subscription.id, behavior, LATER, key=uuid4().hex)
    )

    assert paused.stripe_request_id is not None
    assert paused.pause == read(simulator, subscription).pause == Pause(behavior, LATER)
    with_stripe(simulator.url, lambda billing: billing.changes.resume(subscription.id, key=uuid4().hex))
    assert read(simulator, subscription).pause is None


def test_a_trial_is_extended_without_a_charge(simulator: Simulator, shop: Shop) -> None:
    _, subscription = clocked(shop, trial_period_days=20)
    with_stripe(simulator.url, lambda billing: billing.changes.extend_trial(subscription.id, LATER, key=uuid4().hex))
    found = read(simulator, subscription)
    assert (found.status, found.trial_ends_at, found.current_period_end) == ("trialing", LATER, LATER)
    assert [each.amount_due for each in shop.invoices(subscription)] == [0]


def change_price(simulator: Simulator, subscription: stripe.Subscription, price: str, **given: Any) -> None:
    params: dict[str, Any] = {"proration": "always_invoice", "as_of": utc(START + 10 * DAY), "key": uuid4().hex} | given
    with_stripe(
        simulator.url,
        lambda billing: billing.changes.change_price(subscription.id, item_of(subscription), price, **params),
    )


def test_a_price_is_changed_as_of_a_time(simulator: Simulator, shop: Shop) -> None:
    clock, subscription = clocked(shop)
    as_of, dear = START + 10 * DAY, shop.price("month", 9900).id
    shop.advance(clock, as_of + 1800)
    change_price(simulator, subscription, dear, as_of=utc(as_of))
    [_, made] = shop.invoices(subscription)
    starts = {line.period.start for line in made.lines.data}
    assert (made.status, starts) == ("paid", {as_of})
    assert [price.id for price in read(simulator, subscription).prices] == [dear]


def test_a_price_is_changed_without_proration(simulator: Simulator, shop: Shop) -> None:
    _, subscription = clocked(shop)
    change_price(simulator, subscription, shop.price("month", 9900).id, proration="none")
    assert len(shop.invoices(subscription)) == 1
    assert read(simulator, subscription).current_period_end == utc(period_end(subscription))


def test_a_declined_payment_is_told_apart_and_changes_nothing(simulator: Simulator, shop: Shop) -> None:
    _, subscription = clocked(shop)
    bad: Any = {"default_payment_method": "pm_card_chargeCustomerFail"}
    shop.v1.customers.update(str(subscription.customer), {"invoice_settings": bad})
    before = shop.fresh(subscription).to_dict()
    error = failure(
        simulator.url,
        lambda billing: billing.changes.change_price(
            subscription.id,
            item_of(subscription),
            shop.price("year", 49_000).id,
            proration="always_invoice",
            as_of=utc(START + 10 * DAY),
            key=uuid4().hex,
        ),
    )
    assert (error.declined, error.answered, error.uncertain) == (True, True, False)
    assert shop.fresh(subscription).to_dict() == before


def test_a_price_is_scheduled_and_discounts_are_kept(simulator: Simulator, shop: Shop) -> None:
    coupon = shop.coupon(20, None)
    clock, subscription = clocked(
        shop, items=[{"price": shop.price().id, "quantity": 2}], discounts=[{"coupon": coupon.id}]
    )
    cheap, billed = shop.price("month", 1900).id, read(simulator, subscription)

    begun = with_stripe(simulator.url, lambda billing: billing.changes.begin_schedule(subscription.id, key=uuid4().hex))
    request_id = with_stripe(
        simulator.url, lambda billing: billing.changes.schedule_price(begun, billed, cheap, key=uuid4().hex)
    )

    assert request_id is not None
    assert request_id.startswith("req_")
    found = read(simulator, subscription)
    assert found.scheduled is not None
    assert (found.scheduled.price.id, found.scheduled.starts_at) == (cheap, billed.current_period_end)
    assert found.prices == billed.prices
    shop.advance(clock, period_end(subscription) + DAY)
    after = read(simulator, subscription)
    assert ([price.id for price in after.prices], after.items[0].quantity) == ([cheap], 2)
    assert [each.coupon_id for each in after.discounts] == [coupon.id]
    assert shop.invoices(subscription)[-1].total == 2 * 1900 * 80 // 100


def test_time_is_that_of_the_subscriptions_clock(simulator: Simulator, shop: Shop) -> None:
    clock, subscription = clocked(shop)
    shop.advance(clock, START + 11 * DAY)
    plain = shop.subscription()

    def time_of(subscription: stripe.Subscription) -> datetime:
        billed = read(simulator, subscription)
        return with_stripe(simulator.url, lambda billing: billing.changes.time_of(billed))

    assert time_of(subscription) == utc(START + 11 * DAY)
    read_at = read(simulator, plain).read_at
    assert read_at is not None
    assert time_of(plain) >= read_at
    assert read(simulator, subscription).read_at is None


def test_prices_are_found_by_id_and_lookup_key_in_the_given_order(simulator: Simulator, shop: Shop) -> None:
    mark = uuid4().hex[:8]

    def made(**given: Any) -> stripe.Price:
        params = {"product_data": {"name": "P"}, "currency": "usd", "unit_amount": 700, **given}
        return shop.v1.prices.create(params)  # type: ignore[arg-type]

    monthly, yearly = {"recurring": {"interval": "month"}}, {"recurring": {"interval": "year", "interval_count": 2}}
    first = made(**monthly)
    second = made(**yearly, lookup_key=f"second-{mark}")
    third = made(**monthly, lookup_key=f"third-{mark}")
    single, gone = made(), made(**monthly)
    shop.v1.prices.update(gone.id, {"active": False})
    names = [f"third-{mark}", single.id, first.id, gone.id, f"second-{mark}", "no-such-key"]

    found = with_stripe(simulator.url, lambda billing: billing.changes.prices(names))

    assert [each.id for each in found] == [third.id, first.id, second.id]
    assert (found[2].interval, found[2].amount, found[2].currency) == (("year", 2), 700, "usd")
    assert (found[2].product_id, found[2].lookup_key) == (second.product, f"second-{mark}")


def test_an_unknown_price_id_is_an_error(simulator: Simulator) -> None:
    error = failure(simulator.url, lambda billing: billing.changes.prices(["price_unknown"]))
    assert error.code == "resource_missing"


# Previews


def previewed(simulator: Simulator, subscription: stripe.Subscription, discounts: Discounts | None) -> Previewed:
    return with_stripe(simulator.url, lambda billing: billing.previews.next(subscription.id, discounts))


def test_a_preview_of_the_next_invoice_with_other_discounts(simulator: Simulator, shop: Shop) -> None:
    _, subscription = clocked(shop, discounts=[{"coupon": shop.coupon(50, None).id}])
    [kept], more = read(simulator, subscription).discounts, shop.coupon(20, None).id

    assert previewed(simulator, subscription, None) == Previewed(2450, 2450, 0)
    assert previewed(simulator, subscription, Discounts((kept.id,), more)).total == 1960
    assert previewed(simulator, subscription, Discounts((), more)).total == 3920
    assert previewed(simulator, subscription, Discounts(())).total == 4900
    assert read(simulator, subscription).discounts == (kept,)


@pytest.mark.parametrize(
    ("balance", "due", "after"), [(-1000, 3900, 0), (-6000, 0, -1100), (700, 5600, 0)], ids=["credit", "more", "debt"]
)
def test_a_balance_is_a_part_of_the_charge(
    simulator: Simulator, shop: Shop, balance: int, due: int, after: int
) -> None:
    _, subscription = clocked(shop)
    shop.v1.customers.update(str(subscription.customer), {"balance": balance})
    found = previewed(simulator, subscription, None)
    assert (found.total, found.due, found.balance, found.balance_after) == (4900, due, balance, after)


def test_what_is_pending_is_charged_once(simulator: Simulator, shop: Shop) -> None:
    _, subscription = clocked(shop)
    item: Any = {"id": item_of(subscription), "price": shop.price("month", 9900).id}
    shop.v1.subscriptions.update(subscription.id, {"items": [item], "proration_behavior": "create_prorations"})
    found = previewed(simulator, subscription, None)
    assert found.pending > 0
    assert found.total == 9900 + found.pending
    assert (found.later.total, found.later.due, found.later.pending) == (9900, 9900, 0)


@pytest.mark.parametrize(("interval", "proration"), [("month", "always_invoice"), ("year", "none")])
def test_a_change_of_price_is_previewed_as_it_is_charged(
    simulator: Simulator, shop: Shop, interval: Any, proration: Any
) -> None:
    _, subscription = clocked(shop)
    wanted, now = shop.price(interval, 9900).id, utc(START + 10 * DAY)
    found = with_stripe(
        simulator.url,
        lambda billing: billing.previews.with_price(
            subscription.id, item_of(subscription), wanted, proration=proration, as_of=now
        ),
    )
    change_price(simulator, subscription, wanted, proration=proration)
    assert shop.invoices(subscription)[-1].amount_paid == found.due > 0


def test_the_first_charge_after_a_longer_trial(simulator: Simulator, shop: Shop) -> None:
    _, subscription = clocked(shop, trial_period_days=20)
    found = with_stripe(simulator.url, lambda billing: billing.previews.with_trial(subscription.id, LATER))
    assert found == Previewed(4900, 4900, 0)
    assert shop.fresh(subscription).trial_end == at(2027, 2, 4)


# Coupons


def test_a_coupon_for_one_customer_is_made_once_and_expires(simulator: Simulator, shop: Shop) -> None:
    terms, name = DiscountTerms("once", amount_off=500, currency="usd", single_use=True), f"single-{uuid4().hex}"

    for _ in range(2):
        with_stripe(simulator.url, lambda billing: billing.coupons.ensure_single_use(terms, name, key=name))

    coupon = shop.v1.coupons.retrieve(name)
    assert (coupon.amount_off, coupon.currency, coupon.duration, coupon.max_redemptions) == (500, "usd", "once", 1)
    assert coupon.redeem_by is not None
    assert 3500 < coupon.redeem_by - coupon.created <= 3605
    assert coupon.name == "500 USD off once"


def test_a_redeemed_coupon_is_not_made_again(simulator: Simulator, shop: Shop) -> None:
    terms, name = DiscountTerms("once", percent_off=40, single_use=True), f"single-{uuid4().hex}"
    with_stripe(simulator.url, lambda billing: billing.coupons.ensure_single_use(terms, name, key=name))
    shop.subscription(discounts=[{"coupon": name}])
    before = shop.v1.coupons.retrieve(name)

    with_stripe(simulator.url, lambda billing: billing.coupons.ensure_single_use(terms, name, key=name))

    assert shop.v1.coupons.retrieve(name) == before
    assert (before.valid, before.times_redeemed) == (False, 1)
    with pytest.raises(stripe.InvalidRequestError):
        shop.subscription(discounts=[{"coupon": name}])


@pytest.mark.parametrize(
    "terms",
    [
        DiscountTerms("once", percent_off=12.5),
        DiscountTerms("repeating", percent_off=50, months=3),
        DiscountTerms("repeating", amount_off=300, currency="eur", months=12),
        DiscountTerms("forever", amount_off=300, currency="usd"),
    ],
    ids=lambda terms: terms.name,
)
def test_a_coupon_has_the_terms_of_the_offer(simulator: Simulator, shop: Shop, terms: DiscountTerms) -> None:
    made = with_stripe(simulator.url, lambda billing: billing.coupons.ensure(terms, key=uuid4().hex))
    coupon = shop.v1.coupons.retrieve(made)
    assert (coupon.id, coupon.name) == (terms.coupon_id, terms.name)
    assert (coupon.percent_off, coupon.amount_off, coupon.currency) == (
        terms.percent_off,
        terms.amount_off,
        terms.currency,
    )
    assert (coupon.duration, coupon.duration_in_months) == (terms.duration, terms.months)
    assert with_stripe(simulator.url, lambda billing: billing.coupons.duration(made)) == terms.duration


def test_the_companys_coupon_must_have_the_terms_of_the_catalogue(simulator: Simulator, shop: Shop) -> None:
    coupon = shop.coupon(25, 1)
    right = DiscountTerms("repeating", percent_off=25, months=1, coupon=coupon.id)
    wrong = DiscountTerms("repeating", percent_off=25, months=2, coupon=coupon.id)
    assert with_stripe(simulator.url, lambda billing: billing.coupons.ensure(right, key=uuid4().hex)) == coupon.id
    with pytest.raises(BillingFailed, match=f"{coupon.id} has other terms than the offer"):
        with_stripe(simulator.url, lambda billing: billing.coupons.ensure(wrong, key=uuid4().hex))


def test_a_deleted_coupon_has_no_duration(simulator: Simulator) -> None:
    assert with_stripe(simulator.url, lambda billing: billing.coupons.duration("gone")) is None
