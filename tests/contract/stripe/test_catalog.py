"""Products, prices, customers and their cards."""

from uuid import uuid4

import pytest
import stripe

from .refusals import refused
from .shop import Shop


def test_a_price_is_found_by_its_lookup_key(client: stripe.StripeClient, shop: Shop) -> None:
    key, product = uuid4().hex, shop.price().product
    made = client.v1.prices.create({"currency": "usd", "unit_amount": 1, "product": str(product), "lookup_key": key})
    assert [price.id for price in client.v1.prices.list({"lookup_keys": [key]}).data] == [made.id]
    assert client.v1.prices.list({"lookup_keys": ["none", "nil"]}).data == []


def test_a_lookup_key_belongs_to_one_price_and_can_be_transferred(client: stripe.StripeClient, shop: Shop) -> None:
    key, product = uuid4().hex, str(shop.price().product)
    first = client.v1.prices.create({"currency": "usd", "unit_amount": 1, "product": product, "lookup_key": key})
    with refused(code="resource_already_exists", param="lookup_key"):
        client.v1.prices.create({"currency": "usd", "unit_amount": 2, "product": product, "lookup_key": key})
    second = client.v1.prices.create(
        {"currency": "usd", "unit_amount": 2, "product": product, "lookup_key": key, "transfer_lookup_key": True}
    )
    assert client.v1.prices.retrieve(first.id).lookup_key is None
    assert [price.id for price in client.v1.prices.list({"lookup_keys": [key]}).data] == [second.id]


def test_a_product_is_updated_and_listed(client: stripe.StripeClient) -> None:
    made = client.v1.products.create({"name": "Starter", "metadata": {"plan": "starter"}})
    client.v1.products.update(made.id, {"active": False, "metadata": {"plan": "", "tier": "1"}})
    found = client.v1.products.retrieve(made.id)
    assert (found.active, found.metadata.to_dict()) == (False, {"tier": "1"})
    assert made.id not in [product.id for product in client.v1.products.list({"active": True, "limit": 100}).data]


def test_a_price_changes_in_its_subscriptions_too(client: stripe.StripeClient, shop: Shop) -> None:
    params: stripe.params.PriceCreateParams = {
        "currency": "usd",
        "unit_amount": 5,
        "recurring": {"interval": "month"},
        "product": str(shop.price().product),
    }
    price = client.v1.prices.create(params)
    subscription = shop.subscription(items=[{"price": price.id}])
    client.v1.prices.update(price.id, {"nickname": "renamed", "metadata": {"plan": "starter"}})
    assert shop.fresh(subscription)["items"].data[0].price.nickname == "renamed"


def test_a_customer_is_found_by_email(client: stripe.StripeClient, shop: Shop) -> None:
    made = shop.customer()
    assert [one.id for one in client.v1.customers.list({"email": str(made.email)}).data] == [made.id]


def test_a_customer_is_updated_leaf_by_leaf(client: stripe.StripeClient, shop: Shop) -> None:
    made = client.v1.customers.create({"name": "Ada", "metadata": {"a": "1", "b": "2"}})
    client.v1.customers.update(made.id, {"phone": "1", "metadata": {"b": "", "c": "3"}})
    found = client.v1.customers.retrieve(made.id)
    assert found.metadata is not None
    assert (found.name, found.phone, found.metadata.to_dict()) == ("Ada", "1", {"a": "1", "c": "3"})


def test_a_deleted_customer_says_so_and_takes_its_subscriptions_along(client: stripe.StripeClient, shop: Shop) -> None:
    customer = shop.customer()
    subscription = shop.subscription(customer)
    assert client.v1.customers.delete(customer.id).deleted
    assert client.v1.customers.retrieve(customer.id).to_dict() == {
        "id": customer.id,
        "object": "customer",
        "deleted": True,
    }
    assert shop.fresh(subscription).status == "canceled"
    with refused(code="resource_missing", param="id", status=404):
        client.v1.customers.update(customer.id, {"name": "n"})


def test_attaching_a_test_card_clones_it(client: stripe.StripeClient, shop: Shop) -> None:
    customer = shop.customer(None)
    method = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    assert method.id != "pm_card_visa"
    assert method.customer == customer.id
    assert client.v1.payment_methods.retrieve(method.id).card == method.card
    assert [one.id for one in client.v1.customers.payment_methods.list(customer.id).data] == [method.id]


def test_a_test_card_as_default_is_cloned_once(client: stripe.StripeClient, shop: Shop) -> None:
    customer = shop.customer("pm_card_visa")
    (method,) = client.v1.payment_methods.list({"customer": customer.id}).data
    assert customer.invoice_settings is not None
    assert customer.invoice_settings.default_payment_method == method.id


def test_a_card_of_somebody_else(client: stripe.StripeClient, shop: Shop) -> None:
    method = client.v1.payment_methods.attach("pm_card_visa", {"customer": shop.customer(None).id})
    with refused(code="resource_missing", param="default_payment_method"):
        shop.subscription(default_payment_method=method.id)


def test_a_card_that_declines_cannot_be_attached(client: stripe.StripeClient, shop: Shop) -> None:
    with pytest.raises(stripe.CardError) as caught:
        client.v1.payment_methods.attach("pm_card_chargeDeclined", {"customer": shop.customer(None).id})
    assert (caught.value.http_status, caught.value.code) == (402, "card_declined")


def test_a_card_is_detached(client: stripe.StripeClient, shop: Shop) -> None:
    method = client.v1.payment_methods.attach("pm_card_visa", {"customer": shop.customer(None).id})
    assert client.v1.payment_methods.detach(method.id).customer is None
    with refused(says="not attached to a customer"):
        client.v1.payment_methods.detach(method.id)
