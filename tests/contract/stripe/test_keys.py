"""API keys: any well-formed test key works, restricted ones within their permissions, and no others."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import pytest
import stripe

from .process import Simulator
from .shop import Shop


def test_no_key(simulator: Simulator) -> None:
    response = simulator.http.get("/v1/balance")
    assert response.status_code == 401
    assert response.json()["error"]["type"] == "invalid_request_error"
    assert response.json()["error"]["message"].startswith("You did not provide an API key.")


@pytest.mark.parametrize("key", ["sk_live_0123456789abcdef", "pk_test_0123456789abcdef", "nonsense", "sk_test_"])
def test_a_key_of_another_form(simulator: Simulator, key: str) -> None:
    with pytest.raises(stripe.AuthenticationError, match="Invalid API Key provided") as caught:
        simulator.connect(key).v1.balance.retrieve()
    assert caught.value.http_status == 401


def test_the_masked_key_keeps_its_ends(simulator: Simulator) -> None:
    with pytest.raises(stripe.AuthenticationError, match=r"sk_live_\*{12}cdef"):
        simulator.connect("sk_live_0123456789abcdef").v1.balance.retrieve()


@pytest.mark.parametrize("key", ["sk_test_1", "rk_test_abc123"])
def test_any_test_key_is_welcome(simulator: Simulator, key: str) -> None:
    assert simulator.connect(key).v1.balance.retrieve().livemode is False


def test_basic_authentication(simulator: Simulator) -> None:
    assert simulator.http.get("/v1/balance", auth=("sk_test_1", "")).status_code == 200


def test_the_record_never_holds_the_key(simulator: Simulator) -> None:
    simulator.connect("sk_test_mysecretkey").v1.balance.retrieve()
    assert simulator.requests(path="/v1/balance")
    assert "mysecretkey" not in simulator.http.get("/_simulator/requests").text


def _restricted(simulator: Simulator, **permissions: str) -> stripe.StripeClient:
    key = f"rk_test_{uuid4().hex}"
    simulator.order("keys", key=key, permissions=permissions)
    return simulator.connect(key)


@contextmanager
def _forbidden(simulator: Simulator, permission: str) -> Iterator[None]:
    with pytest.raises(stripe.PermissionError) as caught:
        yield
    error = caught.value
    account = simulator.client.v1.accounts.retrieve_current().id
    assert error.error is not None
    assert (error.http_status, error.error.code, error.error.type) == (403, None, "invalid_request_error")
    assert re.search(
        r"The provided key 'rk_test_\*{26}[0-9a-f]{6}' does not have the required permissions for this endpoint on "
        rf"account '{account}'. Having the '{permission}' permission would allow this request to continue.",
        str(error),
    )


def test_a_restricted_key_reads_what_it_may(simulator: Simulator) -> None:
    client = _restricted(simulator, customers="read", prices="read")
    assert client.v1.customers.list({"limit": 1}) is not None
    assert client.v1.prices.list({"limit": 1}) is not None
    with _forbidden(simulator, "rak_customer_write"):
        client.v1.customers.create({"name": "Nobody"})
    with _forbidden(simulator, "rak_subscription_read"):
        client.v1.subscriptions.list({"status": "all"})
    with _forbidden(simulator, "rak_webhook_write"):
        client.v1.webhook_endpoints.create({"url": "https://example.com", "enabled_events": ["*"]})
    with _forbidden(simulator, "rak_accounts_kyc_basic_read"):
        client.v1.accounts.retrieve_current()


def test_who_may_write_may_read(simulator: Simulator, shop: Shop) -> None:
    client = _restricted(simulator, subscriptions="write")
    subscription = client.v1.subscriptions.retrieve(shop.subscription().id)
    assert client.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True}).cancel_at_period_end
    client.v1.subscription_schedules.list()


def test_what_is_expanded_needs_its_own_permission(simulator: Simulator) -> None:
    client = _restricted(simulator, subscriptions="read")
    with _forbidden(simulator, "rak_customer_read"):
        client.v1.subscriptions.list({"expand": ["data.customer"]})
    with _forbidden(simulator, "rak_payment_method_read"):
        client.v1.customers.payment_methods.list("cus_1")


def test_a_forbidden_call_changes_nothing(simulator: Simulator, shop: Shop) -> None:
    client = _restricted(simulator, subscriptions="read")
    subscription = shop.subscription()
    with _forbidden(simulator, "rak_subscription_write"):
        client.v1.subscriptions.cancel(subscription.id)
    assert shop.fresh(subscription).status == "active"


def test_permissions_can_be_changed(simulator: Simulator) -> None:
    key = "rk_test_changed"
    simulator.order("keys", key=key, permissions={})
    with pytest.raises(stripe.PermissionError):
        simulator.connect(key).v1.balance.retrieve()
    simulator.order("keys", key=key, permissions={"balance": "read"})
    assert simulator.connect(key).v1.balance.retrieve().livemode is False


def test_a_wrong_order_for_a_key(simulator: Simulator) -> None:
    assert "rk_test_" in simulator.refuses("keys", key="sk_test_1", permissions={})
    assert "read or write" in simulator.refuses("keys", key="rk_test_1", permissions={"customers": "all"})
    assert "no such resource: houses" in simulator.refuses("keys", key="rk_test_1", permissions={"houses": "read"})
