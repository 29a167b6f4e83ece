"""Webhooks: signed like Stripe's, filtered, and retried until accepted."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import stripe

from tests.waiting import eventually

from .process import Simulator
from .refusals import refused
from .shop import Shop

pytestmark = pytest.mark.slow


class Receiver(ThreadingHTTPServer):
    """A server that accepts events, or first rejects a given number."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/webhooks/stripe"
        self.taken: list[tuple[bytes, str]] = []
        self.refusals = 0

    def events(self, secret: str, kind: str = "") -> list[stripe.Event]:
        """Return the received events, each verified by the SDK."""
        checked = [stripe.Webhook.construct_event(body, signature, secret) for body, signature in self.taken]
        return [event for event in checked if event.type.startswith(kind)]


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        refuse = self.server.refusals > 0
        if refuse:
            self.server.refusals -= 1
        else:
            self.server.taken.append((body, self.headers["stripe-signature"]))
        self.send_response(500 if refuse else 200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def endpoint(shop: Shop, receiver: Receiver) -> Iterator[stripe.WebhookEndpoint]:
    """Yield an endpoint for updates of subscriptions."""
    made = shop.v1.webhook_endpoints.create({"url": receiver.url, "enabled_events": ["customer.subscription.updated"]})
    yield made
    shop.v1.webhook_endpoints.delete(made.id)


def _cancelled(shop: Shop) -> stripe.Subscription:
    subscription = shop.subscription()
    return shop.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})


def test_an_event_arrives_signed(shop: Shop, receiver: Receiver, endpoint: stripe.WebhookEndpoint) -> None:
    subscription = _cancelled(shop)
    secret = str(endpoint.secret)
    (event,) = eventually(lambda: receiver.events(secret))
    assert (event.type, event.data.object["id"]) == ("customer.subscription.updated", subscription.id)
    with pytest.raises(stripe.SignatureVerificationError):
        receiver.events("whsec_wrong")


def test_only_the_enabled_types_arrive(shop: Shop, receiver: Receiver, endpoint: stripe.WebhookEndpoint) -> None:
    _cancelled(shop)
    eventually(lambda: receiver.taken)
    assert {event.type for event in receiver.events(str(endpoint.secret))} == {"customer.subscription.updated"}


def test_the_secret_is_shown_once(shop: Shop, endpoint: stripe.WebhookEndpoint) -> None:
    assert str(endpoint.secret).startswith("whsec_")
    assert "secret" not in shop.v1.webhook_endpoints.retrieve(endpoint.id).to_dict()
    listed = shop.v1.webhook_endpoints.list().data
    assert [("secret" in one.to_dict()) for one in listed] == [False]


def test_a_refused_delivery_comes_again(shop: Shop, receiver: Receiver, endpoint: stripe.WebhookEndpoint) -> None:
    receiver.refusals = 2
    _cancelled(shop)
    (event,) = eventually(lambda: receiver.events(str(endpoint.secret)))
    eventually(lambda: shop.v1.events.retrieve(event.id).pending_webhooks == 0)


def test_a_delivery_leaves_a_record(
    simulator: Simulator, shop: Shop, receiver: Receiver, endpoint: stripe.WebhookEndpoint
) -> None:
    receiver.refusals = 1
    _cancelled(shop)

    def delivered() -> Any:
        log = simulator.control("GET", "webhooks")["deliveries"]
        return [one for one in log if one["endpoint"] == endpoint.id and one["state"] == "delivered"]

    (delivery,) = eventually(delivered)
    assert (delivery["attempts"], delivery["status"], delivery["url"]) == (2, 200, receiver.url)
    simulator.control("DELETE", "webhooks")
    assert simulator.control("GET", "webhooks")["deliveries"] == []


def test_an_event_is_delivered_again_on_request(
    simulator: Simulator, shop: Shop, receiver: Receiver, endpoint: stripe.WebhookEndpoint
) -> None:
    _cancelled(shop)
    (event,) = eventually(lambda: receiver.events(str(endpoint.secret)))
    assert simulator.control("POST", "webhooks/redeliver", {"event": event.id}) == {"queued": 1}
    first, second = eventually(
        lambda: receiver.events(str(endpoint.secret))[1:] and receiver.events(str(endpoint.secret))
    )
    assert first.id == second.id


def test_deliveries_can_be_held_back(
    simulator: Simulator, shop: Shop, receiver: Receiver, endpoint: stripe.WebhookEndpoint
) -> None:
    simulator.control("POST", "webhooks", {"paused": True})
    _cancelled(shop)
    log = simulator.control("GET", "webhooks")["deliveries"]
    assert [one["state"] for one in log if one["endpoint"] == endpoint.id] == ["pending"]
    assert receiver.taken == []
    simulator.control("POST", "webhooks", {"paused": False})
    eventually(lambda: receiver.taken)


def test_both_secrets_hold_while_they_rotate(
    simulator: Simulator, shop: Shop, receiver: Receiver, endpoint: stripe.WebhookEndpoint
) -> None:
    new, old = simulator.control("POST", "webhooks/rotate", {"endpoint": endpoint.id})["secrets"]
    assert old == endpoint.secret
    _cancelled(shop)
    eventually(lambda: receiver.taken)
    assert receiver.events(old)[0].id == receiver.events(new)[0].id
    assert simulator.control("POST", "webhooks/rotate", {"endpoint": endpoint.id, "finish": True})["secrets"] == [new]
    receiver.taken.clear()
    _cancelled(shop)
    eventually(lambda: receiver.taken)
    with pytest.raises(stripe.SignatureVerificationError):
        receiver.events(old)


def test_a_disabled_endpoint_gets_nothing(simulator: Simulator, shop: Shop, endpoint: stripe.WebhookEndpoint) -> None:
    shop.v1.webhook_endpoints.update(endpoint.id, {"disabled": True})
    subscription = _cancelled(shop)
    (event,) = shop.events(subscription.id, "customer.subscription.updated")
    assert event.pending_webhooks == 0
    log = simulator.control("GET", "webhooks")["deliveries"]
    assert event.id not in [one["event"] for one in log]


def test_what_an_import_listens_for_arrives(shop: Shop, receiver: Receiver) -> None:
    kinds: Any = ["customer.created", "customer.updated", "customer.subscription.created", "customer.deleted"]
    endpoint = shop.v1.webhook_endpoints.create({"url": receiver.url, "enabled_events": kinds})
    customer = shop.customer()
    shop.v1.customers.update(customer.id, {"email": "", "preferred_locales": ["fr"]})
    subscription = shop.subscription(customer)
    shop.v1.customers.delete(customer.id)
    eventually(lambda: len(receiver.taken) >= 4)
    events = {event.type: event.data for event in receiver.events(str(endpoint.secret))}
    shop.v1.webhook_endpoints.delete(endpoint.id)
    assert set(events) == set(kinds)
    updated = events["customer.updated"]
    assert updated.object["preferred_locales"] == ["fr"]
    assert updated.previous_attributes is not None
    assert updated.previous_attributes.to_dict() == {"email": customer.email, "preferred_locales": []}
    assert events["customer.subscription.created"].object["id"] == subscription.id
    assert "previous_attributes" not in events["customer.subscription.created"]
    assert events["customer.created"].object["email"] == customer.email


def test_an_endpoint_on_the_command_line_gets_every_type(
    new_simulator: Callable[..., Simulator], receiver: Receiver
) -> None:
    secret = "whsec_of_the_command_line"
    simulator = new_simulator("--webhook-url", receiver.url, "--webhook-secret", secret)
    _cancelled(Shop(simulator.client))
    (listed,) = simulator.client.v1.webhook_endpoints.list().data
    assert (listed.url, listed.enabled_events, listed.status) == (receiver.url, ["*"], "enabled")
    wanted = {"price.created", "customer.created", "invoice.paid", "customer.subscription.updated"}
    eventually(lambda: wanted <= {event.type for event in receiver.events(secret)})


def test_an_endpoint_on_the_command_line_is_one_like_any_other(
    new_simulator: Callable[..., Simulator], receiver: Receiver
) -> None:
    simulator = new_simulator("--webhook-url", receiver.url, "--webhook-secret", "whsec_of_the_command_line")
    (endpoint,) = simulator.client.v1.webhook_endpoints.list().data
    simulator.client.v1.webhook_endpoints.update(endpoint.id, {"enabled_events": ["product.created"]})
    simulator.kill()
    simulator.start()
    assert simulator.client.v1.webhook_endpoints.list().data[0].enabled_events == ["product.created"]
    simulator.client.v1.webhook_endpoints.update(endpoint.id, {"disabled": True})
    product = simulator.client.v1.products.create({"name": "Untold"})
    (event,) = simulator.client.v1.events.list({"type": "product.created"}).data
    assert (event.data.object["id"], event.pending_webhooks) == (product.id, 0)
    simulator.client.v1.webhook_endpoints.delete(endpoint.id)
    assert simulator.client.v1.webhook_endpoints.list().data == []


def test_an_endpoint_gets_events_in_its_version(shop: Shop, receiver: Receiver) -> None:
    kinds: Any = ["product.created"]
    given: Any = {"url": receiver.url, "enabled_events": kinds, "api_version": "2025-03-31.basil"}
    endpoint = shop.v1.webhook_endpoints.create(given)
    shop.v1.products.create({"name": "Versioned"})
    (event,) = eventually(lambda: receiver.events(str(endpoint.secret)))
    shop.v1.webhook_endpoints.delete(endpoint.id)
    assert (event.api_version, endpoint.api_version) == ("2025-03-31.basil", "2025-03-31.basil")


def test_an_endpoint_is_updated_and_deleted(shop: Shop, endpoint: stripe.WebhookEndpoint) -> None:
    assert (endpoint.status, endpoint.api_version, endpoint.livemode) == ("enabled", None, False)
    given: Any = {"url": "https://example.com/hook", "enabled_events": ["*"], "disabled": True}
    shop.v1.webhook_endpoints.update(endpoint.id, given)
    after = shop.v1.webhook_endpoints.retrieve(endpoint.id)
    assert (after.url, after.enabled_events, after.status) == ("https://example.com/hook", ["*"], "disabled")
    assert shop.v1.webhook_endpoints.update(endpoint.id, {"disabled": False}).status == "enabled"
    other = shop.v1.webhook_endpoints.create({"url": "https://example.com/other", "enabled_events": ["*"]})
    shop.v1.webhook_endpoints.delete(other.id)
    with refused(code="resource_missing", param="webhook_endpoint", status=404):
        shop.v1.webhook_endpoints.retrieve(other.id)


def test_what_was_not_delivered_is_delivered_after_a_restart(
    new_simulator: Callable[..., Simulator], receiver: Receiver
) -> None:
    secret = "whsec_of_the_command_line"
    simulator = new_simulator("--webhook-url", receiver.url, "--webhook-secret", secret)
    simulator.control("POST", "webhooks", {"paused": True})
    simulator.client.v1.products.create({"name": "Undelivered"})
    simulator.kill()
    simulator.start()
    (event,) = eventually(lambda: receiver.events(secret, "product.created"))
    assert event.data.object["name"] == "Undelivered"
