"""Webhooks that a test sends itself: signed like Stripe's, then late, twice, out of order, truncated or modified."""

import time
from typing import Any

import pytest
import stripe

from .process import Simulator
from .shop import Shop

SECRET = "whsec_of_a_test"


def _event(shop: Shop) -> stripe.Event:
    subscription = shop.subscription()
    shop.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    (event,) = shop.events(subscription.id, "customer.subscription.updated")
    return event


def _signed(simulator: Simulator, event: stripe.Event, **given: Any) -> tuple[str, str]:
    signed = simulator.control("POST", "webhooks/signed", {"event": event.id, "secret": SECRET, **given})
    assert signed["headers"].keys() == {"content-type", "user-agent", "stripe-signature"}
    return signed["body"], signed["headers"]["stripe-signature"]


def test_the_sdk_takes_it(simulator: Simulator, shop: Shop) -> None:
    event = _event(shop)
    body, signature = _signed(simulator, event)
    assert stripe.Webhook.construct_event(body, signature, SECRET).to_dict() == event.to_dict()


def test_it_is_the_same_as_often_as_it_is_asked_for(simulator: Simulator, shop: Shop) -> None:
    event, now = _event(shop), int(time.time())
    assert _signed(simulator, event, timestamp=now) == _signed(simulator, event, timestamp=now)


def test_a_stale_one_is_refused(simulator: Simulator, shop: Shop) -> None:
    body, signature = _signed(simulator, _event(shop), timestamp=int(time.time()) - 301)
    with pytest.raises(stripe.SignatureVerificationError, match="outside the tolerance"):
        stripe.Webhook.construct_event(body, signature, SECRET)


@pytest.mark.parametrize("change", [lambda body: body[:-20], lambda body: body.replace("true", "false")])
def test_what_was_cut_or_altered_is_refused(simulator: Simulator, shop: Shop, change: Any) -> None:
    body, signature = _signed(simulator, _event(shop))
    with pytest.raises(stripe.SignatureVerificationError, match="No signatures found"):
        stripe.Webhook.construct_event(change(body), signature, SECRET)


def test_what_another_signed_is_refused(simulator: Simulator, shop: Shop) -> None:
    body, signature = _signed(simulator, _event(shop), secret="whsec_of_another")
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(body, signature, SECRET)


def test_one_of_several_secrets_is_enough(simulator: Simulator, shop: Shop) -> None:
    body, signature = _signed(simulator, _event(shop), secret=["whsec_new", SECRET])
    for secret in ("whsec_new", SECRET):
        assert stripe.Webhook.construct_event(body, signature, secret).id.startswith("evt_")


def test_asking_for_it_sends_nothing(simulator: Simulator, shop: Shop) -> None:
    event = _event(shop)
    _signed(simulator, event)
    assert event.id not in [one["event"] for one in simulator.control("GET", "webhooks")["deliveries"]]


def test_a_wrong_order(simulator: Simulator, shop: Shop) -> None:
    event = _event(shop).id
    assert "No such event" in simulator.refuses("webhooks/signed", event="evt_none", secret=SECRET)
    assert "secret is" in simulator.refuses("webhooks/signed", event=event)
    assert "timestamp" in simulator.refuses("webhooks/signed", event=event, secret=SECRET, timestamp="soon")
