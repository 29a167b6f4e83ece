"""Reads of an import: whole lists of customers, subscriptions, prices and products, page by page."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import stripe

from deployments.local.stripe_simulator.account import Account
from deployments.local.stripe_simulator.customer import catalog, customers
from deployments.local.stripe_simulator.store import Store
from deployments.local.stripe_simulator.subscription import subscription_parameters, subscriptions
from deployments.local.stripe_simulator.testing import bulk

from .process import Simulator
from .shop import Shop

pytestmark = pytest.mark.slow

MANY = 250
_MONTHLY = {"interval": "month"}


@pytest.fixture
def filled(new_simulator: Callable[..., Simulator]) -> Simulator:
    """Return a simulator with many customers, each with a subscription."""
    simulator = new_simulator()
    items = [{"price": Shop(simulator.client).price().id}]
    assert simulator.order("fill", count=MANY, subscription={"items": items}) == {"count": MANY}
    return simulator


def test_many_are_made_and_each_is_listed_once(filled: Simulator) -> None:
    query: Any = {"limit": 100, "status": "all", "expand": ["data.customer"]}
    first = filled.client.v1.subscriptions.list(query)
    assert (len(first.data), first.has_more) == (100, True)
    listed = list(first.auto_paging_iter())
    owners = [one.customer for one in listed if isinstance(one.customer, stripe.Customer)]
    numbers = range(MANY, 0, -1)
    assert [owner.email for owner in owners] == [f"customer-{number}@example.com" for number in numbers]
    assert [owner.to_dict()["metadata"]["user_id"] for owner in owners] == [f"user-{number}" for number in numbers]
    assert len({one.id for one in listed}) == len({one["items"].data[0].id for one in listed}) == MANY
    assert filled.client.v1.events.list({"type": "customer.created"}).data == []


def test_pages_go_back_too(filled: Simulator) -> None:
    everyone = [one.id for one in filled.client.v1.customers.list({"limit": 100}).auto_paging_iter()]
    before = filled.client.v1.customers.list({"limit": 100, "ending_before": everyone[150]})
    assert ([one.id for one in before.data], before.has_more) == (everyone[50:150], True)


def test_a_copy_is_as_good_as_the_first(filled: Simulator) -> None:
    shop = Shop(filled.client)
    (customer,) = shop.v1.customers.list({"email": "customer-7@example.com"}).data
    (subscription,) = shop.v1.subscriptions.list({"customer": customer.id}).data
    (invoice,) = shop.v1.invoices.list({"subscription": subscription.id}).data
    assert (subscription.latest_invoice, invoice.customer, invoice.status) == (invoice.id, customer.id, "paid")
    item = subscription["items"].data[0].id
    assert shop.v1.subscription_items.retrieve(item).subscription == subscription.id
    assert shop.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True}).cancel_at_period_end
    assert shop.v1.customers.update(customer.id, {"email": ""}).email is None


def test_a_wrong_order_to_fill(simulator: Simulator) -> None:
    assert "count" in simulator.refuses("fill", count=0)
    assert "unknown parameter: colour" in simulator.refuses("fill", count=1, customer={"colour": "red"})
    assert "items" in simulator.refuses("fill", count=1)


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Account]:
    """Yield an account in this process, to measure the cost of its lists."""
    store = Store(tmp_path / "state.sqlite3")
    yield Account(store)
    store.close()


def _steps(account: Account, read: Callable[[], object]) -> int:
    """Count the steps of SQLite's virtual machine."""
    steps = 0

    def count() -> None:
        nonlocal steps
        steps += 1

    account.store.connection.set_progress_handler(count, 1)
    read()
    account.store.connection.set_progress_handler(None, 1)
    return steps


@pytest.mark.parametrize(
    ("module", "shape", "given"),
    [
        (customers, customers.LIST, {}),
        (customers, customers.LIST, {"created": {"gte": "1"}}),
        (subscriptions, subscription_parameters.LIST, {"status": "all"}),
        (subscriptions, subscription_parameters.LIST, {"status": "active"}),
    ],
)
def test_a_page_costs_the_same_however_long_the_list_is(account: Account, module: Any, shape: Any, given: Any) -> None:
    given_price = {"currency": "usd", "unit_amount": 1, "recurring": _MONTHLY, "product_data": {"name": "Pro"}}
    price = catalog.create_price(account, given_price)
    costs = []
    for count in (200, 2_000):
        bulk.fill(account, count, {}, {"items": [{"price": price["id"]}]})
        params = shape(given | {"limit": "100"})
        costs.append(_steps(account, lambda params=params: module.list_all(account, params)))  # type: ignore[misc]
    assert costs[1] < costs[0] * 1.1


@pytest.mark.parametrize("given", [{}, {"preferred_locales": ["de-AT", "en"], "address": {"country": "AT"}}])
def test_customers_are_listed_as_they_are(shop: Shop, given: Any) -> None:
    said = {"name": "Grete", "phone": "+43 1 5880", "metadata": {"user_id": "auth0|5f7"}} | given
    made = shop.v1.customers.create(said)
    (listed,) = shop.v1.customers.list({"limit": 1}).data
    assert listed.to_dict() == made.to_dict()
    assert (listed.email, listed.name, listed.phone) == (None, "Grete", "+43 1 5880")
    assert (listed.preferred_locales, listed.address and listed.address.country) == (
        given.get("preferred_locales", []),
        given.get("address", {}).get("country"),
    )


def test_a_deleted_customer_is_not_listed_and_shows_that_it_is_deleted(shop: Shop) -> None:
    subscription = shop.subscription()
    customer = str(subscription.customer)
    shop.v1.customers.delete(customer)
    assert customer not in [one.id for one in shop.v1.customers.list({"limit": 100}).data]
    query: Any = {"status": "canceled", "limit": 1, "expand": ["data.customer"]}
    (ended,) = shop.v1.subscriptions.list(query).data
    assert isinstance(ended.customer, stripe.Customer)
    assert (ended.id, ended.customer.id, ended.customer.deleted) == (subscription.id, customer, True)


def test_prices_by_lookup_key_product_and_state(shop: Shop) -> None:
    keys = [f"pro_{shop.customer().id}", f"team_{shop.customer().id}"]
    given: Any = {"currency": "usd", "unit_amount": 1, "product_data": {"name": "Pro"}, "recurring": _MONTHLY}
    prices = [shop.v1.prices.create(given | {"lookup_key": key}) for key in keys]
    found = shop.v1.prices.list({"lookup_keys": keys, "expand": ["data.product"]}).data
    assert [(one.id, one.lookup_key) for one in found] == [(one.id, one.lookup_key) for one in prices[::-1]]
    assert isinstance(found[0].product, stripe.Product)
    product = found[0].product.id
    assert [one.id for one in shop.v1.prices.list({"product": product}).data] == [prices[1].id]
    shop.v1.prices.update(prices[1].id, {"active": False})
    assert shop.v1.prices.list({"product": product, "active": True}).data == []
    assert not shop.v1.prices.retrieve(prices[1].id).active
    assert [one.id for one in shop.v1.products.list({"ids": [product]}).data] == [product]
    assert shop.v1.products.retrieve(product).name == "Pro"
