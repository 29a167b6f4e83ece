"""Subscription to the topic for the duration of the demo, as a consumer of the company would use."""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import grpc
from google.pubsub_v1 import SubscriberClient
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

from nodes.settings import EventSettings

PULL_TIMEOUT_SECONDS = 5.0


class Listener:
    """A consumer with its own Pub/Sub subscription, which receives events published after its creation."""

    def __init__(self, client: SubscriberClient, subscription: str) -> None:
        self._client = client
        self._subscription = subscription

    def pull(self, request_id: str) -> dict[str, Any] | None:
        """Return the event of this request, or None if it did not arrive in time."""
        pulled = self._client.pull(
            subscription=self._subscription, max_messages=100, timeout=PULL_TIMEOUT_SECONDS, retry=None
        )
        events: list[dict[str, Any]] = [json.loads(received.message.data) for received in pulled.received_messages]
        return next((event for event in events if event.get("request_id") == request_id), None)


@contextmanager
def listening(settings: EventSettings) -> Iterator[Listener]:
    """Subscribe for the block, and always unsubscribe."""
    client = _client(settings)
    project = settings.google_cloud_project
    subscription = f"projects/{project}/subscriptions/cancelflow-demo-{uuid.uuid4().hex[:12]}"
    topic = f"projects/{project}/topics/{settings.pubsub_topic}"
    client.create_subscription(name=subscription, topic=topic, timeout=PULL_TIMEOUT_SECONDS)
    try:
        yield Listener(client, subscription)
    finally:
        client.delete_subscription(subscription=subscription, timeout=PULL_TIMEOUT_SECONDS)
        client.transport.close()  # type: ignore[no-untyped-call]


def _client(settings: EventSettings) -> SubscriberClient:
    if settings.pubsub_emulator_host is None:
        return SubscriberClient()
    channel = grpc.insecure_channel(settings.pubsub_emulator_host, options=[("grpc.enable_http_proxy", 0)])
    return SubscriberClient(transport=SubscriberGrpcTransport(channel=channel))
