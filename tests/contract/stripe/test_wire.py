"""The wire format: headers, parameter errors, pages of lists, expansion."""

from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import stripe

from .process import Simulator
from .refusals import refused
from .shop import Shop


def test_every_answer_names_its_request_and_version(simulator: Simulator) -> None:
    response = simulator.call("GET", "/v1/balance", stripe_version="2026-10-28.endive")
    assert response.headers["request-id"].startswith("req_")
    assert response.headers["stripe-version"] == "2026-10-28.endive"
    assert response.headers["content-type"] == "application/json"


def test_every_answer_has_the_date_by_the_global_clock(simulator: Simulator) -> None:
    ahead = simulator.move_clock(advance=1_000_000)
    answers = [simulator.call("GET", path) for path in ("/v1/balance", "/v1/nonsense")]
    answers.append(simulator.http.get("/v1/balance"))
    for response in answers:
        assert 0 <= parsedate_to_datetime(response.headers["date"]).timestamp() - ahead < 5
        assert len(response.headers.get_list("date")) == 1


def test_an_unknown_address(simulator: Simulator) -> None:
    response = simulator.call("GET", "/v1/nonsense")
    assert response.status_code == 404
    assert response.json()["error"]["message"].startswith("Unrecognized request URL (GET: /v1/nonsense).")


def test_an_unknown_parameter(loose: Any) -> None:
    with refused(code="parameter_unknown", param="colour", says="Received unknown parameter: colour"):
        loose.customers.create({"colour": "red"})


def test_several_unknown_parameters(loose: Any) -> None:
    with refused(code="parameter_unknown", param="colour", says="Received unknown parameters: colour, smell"):
        loose.customers.create({"colour": "red", "smell": "sweet"})


def test_an_unknown_nested_parameter(loose: Any, shop: Shop) -> None:
    items = [{"price": shop.price().id, "colour": "red"}]
    with refused(code="parameter_unknown", param="items[0][colour]"):
        loose.subscriptions.create({"customer": shop.customer().id, "items": items})


def test_a_missing_parameter(loose: Any) -> None:
    with refused(code="parameter_missing", param="name", says="Missing required param: name."):
        loose.products.create({})


def test_a_missing_nested_parameter(loose: Any, shop: Shop) -> None:
    with refused(code="parameter_missing", param="items[0][price]"):
        loose.subscriptions.create({"customer": shop.customer().id, "items": [{"quantity": 2}]})


def test_a_word_that_is_not_among_the_choices(loose: Any) -> None:
    with refused(param="duration", says="Invalid duration: must be one of forever, once, or repeating"):
        loose.coupons.create({"percent_off": 10, "duration": "always"})


def test_a_number_that_is_none(loose: Any) -> None:
    with refused(code="parameter_invalid_integer", param="limit", says="Invalid integer: many"):
        loose.customers.list({"limit": "many"})


@pytest.mark.parametrize("limit", [0, 101])
def test_a_limit_out_of_bounds(loose: Any, limit: int) -> None:
    with refused(code="parameter_invalid_integer", param="limit"):
        loose.customers.list({"limit": limit})


def test_an_empty_string_where_nothing_can_be_unset(loose: Any, shop: Shop) -> None:
    subscription = shop.subscription()
    with refused(code="parameter_invalid_empty", param="cancel_at_period_end"):
        loose.subscriptions.update(subscription.id, {"cancel_at_period_end": ""})


def test_an_unknown_id_in_the_path(client: stripe.StripeClient) -> None:
    with refused(code="resource_missing", param="id", status=404, says="No such subscription: 'sub_none'"):
        client.v1.subscriptions.retrieve("sub_none")


def test_an_unknown_id_in_a_parameter(client: stripe.StripeClient, shop: Shop) -> None:
    with refused(code="resource_missing", param="items[0][price]", says="No such price: 'price_none'"):
        client.v1.subscriptions.create({"customer": shop.customer().id, "items": [{"price": "price_none"}]})


def test_what_stripe_has_and_the_simulator_lacks_is_refused_aloud(simulator: Simulator) -> None:
    with pytest.raises(stripe.APIError, match="does not implement 'shipping'") as caught:
        simulator.client.v1.customers.create({"shipping": {"name": "n", "address": {"city": "c"}}})
    assert caught.value.http_status == 501


def test_pages_forward_and_back(client: stripe.StripeClient, shop: Shop) -> None:
    product = client.v1.products.create({"name": "Paged"}).id
    made = [
        client.v1.prices.create({"currency": "usd", "unit_amount": amount, "product": product}).id
        for amount in range(1, 6)
    ]
    first = client.v1.prices.list({"product": product, "limit": 2})
    assert ([price.id for price in first.data], first.has_more) == (made[:2:-1], True)
    rest = client.v1.prices.list({"product": product, "starting_after": first.data[-1].id})
    assert ([price.id for price in rest.data], rest.has_more) == (made[2::-1], False)
    back = client.v1.prices.list({"product": product, "limit": 1, "ending_before": rest.data[0].id})
    assert ([price.id for price in back.data], back.has_more) == ([made[3]], True)
    everything = client.v1.prices.list({"product": product, "limit": 2}).auto_paging_iter()
    assert [price.id for price in everything] == made[::-1]


def test_a_cursor_that_leads_nowhere(client: stripe.StripeClient) -> None:
    with refused(code="resource_missing", param="starting_after"):
        client.v1.customers.list({"starting_after": "cus_none"})


def test_expansion_reaches_through_objects_and_lists(client: stripe.StripeClient, shop: Shop) -> None:
    coupon = shop.coupon()
    subscription = shop.subscription(discounts=[{"coupon": coupon.id}])
    expand = ["customer", "latest_invoice", "discounts.source.coupon", "items.data.price.product", "schedule"]
    found = client.v1.subscriptions.retrieve(subscription.id, {"expand": expand})
    assert isinstance(found.customer, stripe.Customer)
    assert isinstance(found.latest_invoice, stripe.Invoice)
    discount = found.discounts[0]
    assert isinstance(discount, stripe.Discount)
    assert isinstance(discount.source.coupon, stripe.Coupon)
    assert isinstance(found["items"].data[0].price.product, stripe.Product)
    assert found.schedule is None


def test_expansion_in_a_list(client: stripe.StripeClient, shop: Shop) -> None:
    subscription = shop.subscription()
    params: stripe.params.SubscriptionListParams = {
        "customer": str(subscription.customer),
        "expand": ["data.default_payment_method", "data.customer"],
    }
    (found,) = client.v1.subscriptions.list(params).data
    assert isinstance(found.customer, stripe.Customer)


def test_what_cannot_be_expanded(client: stripe.StripeClient, shop: Shop) -> None:
    with refused(param="expand", says="This property cannot be expanded (status)."):
        client.v1.subscriptions.retrieve(shop.subscription().id, {"expand": ["status"]})
