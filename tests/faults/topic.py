"""Everything published on `billing-events` during a fault matrix, by user."""

import json
import threading
import uuid
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

import grpc
from google.pubsub_v1 import PublisherClient, PubsubMessage, SubscriberClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

from nodes.settings import EventSettings, load

TIMEOUT_SECONDS = 30.0

Event = dict[str, str]


class Topic:
    """A separate subscription; thread-safe."""

    def __init__(self, channel: grpc.Channel, settings: EventSettings) -> None:
        self._subscriber = SubscriberClient(transport=SubscriberGrpcTransport(channel=channel))
        self._publisher = PublisherClient(transport=PublisherGrpcTransport(channel=channel))
        self._topic = f"projects/{settings.google_cloud_project}/topics/{settings.pubsub_topic}"
        self._name = f"projects/{settings.google_cloud_project}/subscriptions/faults-{uuid.uuid4().hex}"
        self._found: dict[str, list[Event]] = defaultdict(list)
        self._one_at_a_time = threading.Lock()

    def open(self) -> None:
        self._subscriber.create_subscription(name=self._name, topic=self._topic, timeout=TIMEOUT_SECONDS)

    def close(self) -> None:
        self._subscriber.delete_subscription(subscription=self._name, timeout=TIMEOUT_SECONDS)

    def events_of(self, user_id: str) -> list[Event]:
        """Return what was published so far for this user."""
        with self._one_at_a_time:
            self._listen()
            return [*self._found[user_id]]

    def _listen(self) -> None:
        """Read up to a marker published now."""
        marker = uuid.uuid4().hex
        last = PubsubMessage(data=b"{}", attributes={"marker": marker})
        self._publisher.publish(topic=self._topic, messages=[last], timeout=TIMEOUT_SECONDS)
        reached = False
        while not reached:
            pulled = self._subscriber.pull(
                subscription=self._name, max_messages=1000, timeout=TIMEOUT_SECONDS, retry=None
            ).received_messages
            assert pulled, "the marker did not come back"
            ack_ids = [each.ack_id for each in pulled]
            self._subscriber.acknowledge(subscription=self._name, ack_ids=ack_ids, timeout=TIMEOUT_SECONDS)
            for message in (each.message for each in pulled):
                reached = reached or message.attributes.get("marker") == marker
                self._found[message.ordering_key].append(json.loads(message.data))


@contextmanager
def subscribed() -> Iterator[Topic]:
    """Subscribe for the block."""
    settings = load(EventSettings)
    assert settings.pubsub_emulator_host, "tests publish to an emulator only"
    with grpc.insecure_channel(settings.pubsub_emulator_host, options=[("grpc.enable_http_proxy", 0)]) as channel:
        topic = Topic(channel, settings)
        topic.open()
        try:
            yield topic
        finally:
            topic.close()
