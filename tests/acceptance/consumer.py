"""A consumer of `billing-events`, as another team of the company would run it."""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import grpc
from google.pubsub_v1 import PublisherClient, PubsubMessage, SubscriberClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

from nodes.settings import EventSettings, load

TIMEOUT_SECONDS = 30.0
MARKER = "end-of-what-was-asked-for"


class Consumer:
    """A consumer with its own subscription, which receives what is published after it was created."""

    def __init__(self, channel: grpc.Channel, settings: EventSettings) -> None:
        self._subscriber = SubscriberClient(transport=SubscriberGrpcTransport(channel=channel))
        self._publisher = PublisherClient(transport=PublisherGrpcTransport(channel=channel))
        self._topic = f"projects/{settings.google_cloud_project}/topics/{settings.pubsub_topic}"
        self._name = f"projects/{settings.google_cloud_project}/subscriptions/test-{uuid.uuid4().hex}"

    def open(self) -> None:
        self._subscriber.create_subscription(
            request={"name": self._name, "topic": self._topic, "enable_message_ordering": True}, timeout=TIMEOUT_SECONDS
        )

    def close(self) -> None:
        self._subscriber.delete_subscription(subscription=self._name, timeout=TIMEOUT_SECONDS)

    def everything_of(self, user_id: str) -> list[PubsubMessage]:
        """Return all messages published so far for this user: messages with one ordering key arrive in order, so a
        marker ends them.

        Does not wait for messages that are still to be published.
        """
        marker = uuid.uuid4().hex.encode()
        last = PubsubMessage(data=marker, ordering_key=user_id, attributes={MARKER: "yes"})
        self._publisher.publish(topic=self._topic, messages=[last], timeout=TIMEOUT_SECONDS)
        found: list[PubsubMessage] = []
        while True:
            pulled = self._subscriber.pull(
                subscription=self._name, max_messages=100, timeout=TIMEOUT_SECONDS, retry=None
            ).received_messages
            assert pulled, "the marker did not come back"
            self._subscriber.acknowledge(
                subscription=self._name, ack_ids=[each.ack_id for each in pulled], timeout=TIMEOUT_SECONDS
            )
            for each in pulled:
                if each.message.data == marker:
                    return found
                # Other consumers' markers arrive here too.
                if each.message.ordering_key == user_id and MARKER not in each.message.attributes:
                    found.append(each.message)


@contextmanager
def consuming() -> Iterator[Consumer]:
    """Subscribe for the block."""
    settings = load(EventSettings)
    assert settings.pubsub_emulator_host, "tests publish to an emulator only"
    with grpc.insecure_channel(settings.pubsub_emulator_host, options=[("grpc.enable_http_proxy", 0)]) as channel:
        consumer = Consumer(channel, settings)
        consumer.open()
        try:
            yield consumer
        finally:
            consumer.close()


def body(message: PubsubMessage) -> dict[str, str]:
    """Return the event in a message."""
    event: dict[str, str] = json.loads(message.data)
    return event
