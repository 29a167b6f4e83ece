"""Lists of subscriptions and invoices for reading all of them: filters, cursors, pages."""

from typing import Any

import pytest
import stripe

from .refusals import refused
from .shop import DAY, START, Shop, at

MONTHS = [at(2027, month, 15) for month in range(1, 7)]


@pytest.fixture(scope="module")
def renewed(_shared_shop: Shop) -> stripe.Subscription:
    """Return a subscription with six invoices, the last two failed; dunning ended another before its sixth."""
    shop = _shared_shop
    clock = shop.clock()
    customer = shop.customer(clock=clock)
    subscription = shop.subscription(customer)
    shop.subscription(customer)
    shop.advance(clock, at(2027, 4, 16))
    card: stripe.params.CustomerUpdateParamsInvoiceSettings = {"default_payment_method": "pm_card_chargeCustomerFail"}
    shop.v1.customers.update(customer.id, {"invoice_settings": card})
    shop.advance(clock, at(2027, 5, 15))
    opened = shop.v1.invoices.list({"subscription": subscription.id, "status": "open"}).data
    shop.v1.invoices.void_invoice(opened[0].id)
    shop.advance(clock, at(2027, 6, 15))
    return subscription


def _created(loose: Any, subscription: stripe.Subscription, **params: Any) -> list[int]:
    listed = loose.invoices.list({"subscription": subscription.id, "limit": 100, **params})
    assert not listed.has_more
    return [invoice.created for invoice in listed.data[::-1]]


def test_invoices_of_a_subscription_alone(loose: Any, renewed: stripe.Subscription) -> None:
    assert _created(loose, renewed) == MONTHS
    assert len(loose.invoices.list({"customer": renewed.customer, "limit": 100}).data) == 11


@pytest.mark.parametrize(
    ("status", "months"), [("paid", MONTHS[:4]), ("void", MONTHS[4:5]), ("open", MONTHS[5:]), ("draft", [])]
)
def test_invoices_by_status(loose: Any, renewed: stripe.Subscription, status: str, months: list[int]) -> None:
    assert _created(loose, renewed, status=status) == months


@pytest.mark.parametrize(
    ("created", "months"),
    [
        ({"gte": MONTHS[2]}, MONTHS[2:]),
        ({"gt": MONTHS[2]}, MONTHS[3:]),
        ({"lte": MONTHS[2]}, MONTHS[:3]),
        ({"lt": MONTHS[2]}, MONTHS[:2]),
        ({"gte": MONTHS[1], "lt": MONTHS[4]}, MONTHS[1:4]),
        (MONTHS[3], MONTHS[3:4]),
    ],
)
def test_invoices_by_time(loose: Any, renewed: stripe.Subscription, created: Any, months: list[int]) -> None:
    assert _created(loose, renewed, created=created) == months


def test_filters_and_pages_together(loose: Any, renewed: stripe.Subscription) -> None:
    query = {"subscription": renewed.id, "status": "paid", "created": {"gte": MONTHS[1]}, "limit": 2}
    first = loose.invoices.list(query)
    assert ([invoice.created for invoice in first.data], first.has_more) == ([MONTHS[3], MONTHS[2]], True)
    rest = loose.invoices.list(query | {"starting_after": first.data[-1].id})
    assert ([invoice.created for invoice in rest.data], rest.has_more) == ([MONTHS[1]], False)


def test_invoices_of_a_subscription_that_is_not_there(loose: Any) -> None:
    with refused(code="resource_missing", param="subscription"):
        loose.invoices.list({"subscription": "sub_none"})


def test_a_voided_renewal_is_told_and_collected_no_more(shop: Shop) -> None:
    clock = shop.clock()
    customer = shop.customer(clock=clock)
    subscription = shop.subscription(customer)
    card: stripe.params.CustomerUpdateParamsInvoiceSettings = {"default_payment_method": "pm_card_chargeCustomerFail"}
    shop.v1.customers.update(customer.id, {"invoice_settings": card})
    shop.advance(clock, at(2027, 2, 15))
    (invoice,) = shop.v1.invoices.list({"subscription": subscription.id, "status": "open"}).data
    voided = shop.v1.invoices.void_invoice(invoice.id)
    assert (voided.status, voided.next_payment_attempt, voided.auto_advance) == ("void", None, False)
    assert voided.status_transitions.voided_at == at(2027, 2, 15)
    assert [event.type for event in shop.events(invoice.id, "invoice.voided")] == ["invoice.voided"]
    shop.advance(clock, at(2027, 3, 14))
    assert shop.v1.invoices.retrieve(invoice.id).attempt_count == 1
    assert shop.fresh(subscription).status == "active"  # like the invoice before it, which was paid


def test_a_paid_invoice_is_not_voided(shop: Shop) -> None:
    subscription = shop.subscription()
    with refused(says="This invoice isn't open."):
        shop.v1.invoices.void_invoice(str(subscription.latest_invoice))


def test_a_walk_over_every_subscription(loose: Any, shop: Shop) -> None:
    price = shop.price("month", 781)
    made = [shop.subscription(items=[{"price": price.id}]).id for _ in range(7)]
    loose.subscriptions.cancel(made[2])
    query: dict[str, Any] = {"status": "all", "limit": 3, "price": price.id}
    walked: list[list[str]] = []
    page = loose.subscriptions.list(query)
    while True:
        walked.append([one.id for one in page.data])
        if not page.has_more:
            break
        page = loose.subscriptions.list(query | {"starting_after": page.data[-1].id})
    assert walked == [made[:3:-1], made[3:0:-1], made[:1]]
    assert [one.id for one in loose.subscriptions.list(query).auto_paging_iter()] == made[::-1]


def test_a_walk_goes_on_although_more_is_made_and_ended(loose: Any, shop: Shop) -> None:
    price = shop.price("month", 782)
    made = [shop.subscription(items=[{"price": price.id}]).id for _ in range(4)]
    query = {"status": "all", "limit": 2, "price": price.id}
    first = loose.subscriptions.list(query)
    shop.subscription(items=[{"price": price.id}])
    loose.subscriptions.cancel(first.data[-1].id)
    rest = loose.subscriptions.list(query | {"starting_after": first.data[-1].id})
    assert ([one.id for one in rest.data], rest.has_more) == (made[1::-1], False)


def test_a_full_page_that_is_the_last_says_so(loose: Any, shop: Shop) -> None:
    price = shop.price("month", 783)
    for _ in range(2):
        shop.subscription(items=[{"price": price.id}])
    assert not loose.subscriptions.list({"status": "all", "limit": 2, "price": price.id}).has_more


@pytest.mark.parametrize(
    ("created", "found"),
    [({"gte": START + DAY}, [1, 2]), ({"gt": START + DAY}, [2]), ({"lt": START + DAY}, [0]), (START + 2 * DAY, [2])],
)
def test_subscriptions_by_time(loose: Any, shop: Shop, created: Any, found: list[int]) -> None:
    clock = shop.clock()
    made = []
    for day in range(3):
        if day:
            shop.advance(clock, START + day * DAY)
        made.append(shop.subscription(shop.customer(clock=clock)).id)
    listed = loose.subscriptions.list({"status": "all", "test_clock": clock, "created": created}).data
    assert [made.index(one.id) for one in listed[::-1]] == found
