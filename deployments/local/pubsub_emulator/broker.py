"""The emulator's state: topics and subscriptions, and the requests that Pub/Sub rejects."""

import itertools
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TypeVar

import grpc
from google.pubsub_v1 import types

from deployments.local.pubsub_emulator.subscription import LONGEST_ACK_DEADLINE, USUAL_ACK_DEADLINE, Subscription

DELETED_TOPIC = "_deleted_topic_"  # a subscription's topic after the topic was deleted
NAME = re.compile(r"projects/[^/]+/(?P<kind>topics|subscriptions)/(?!goog)[A-Za-z][A-Za-z0-9\-_.~+%]{2,254}")

Item = TypeVar("Item")


class Refused(Exception):
    """A request that Pub/Sub would reject with this status."""

    def __init__(self, code: grpc.StatusCode, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class Broker:
    """Every topic and subscription, in memory."""

    def __init__(self) -> None:
        self.topics: dict[str, types.Topic] = {}
        self.subscriptions: dict[str, Subscription] = {}
        self._message_ids = itertools.count(1)

    def create_topic(self, topic: types.Topic) -> types.Topic:
        """Create a topic; raises ALREADY_EXISTS."""
        check_name(topic.name, "topics")
        if topic.name in self.topics:
            raise Refused(grpc.StatusCode.ALREADY_EXISTS, f"Topic already exists: {topic.name}")
        self.topics[topic.name] = topic
        return topic

    def topic(self, name: str) -> types.Topic:
        """Return a topic; raises NOT_FOUND."""
        check_name(name, "topics")
        if name not in self.topics:
            raise Refused(grpc.StatusCode.NOT_FOUND, f"Topic not found: {name}")
        return self.topics[name]

    def delete_topic(self, name: str) -> None:
        """Delete a topic. Its subscriptions stay, and deliver their remaining messages."""
        del self.topics[self.topic(name).name]
        for subscription in self._of_topic(name):
            subscription.settings.topic = DELETED_TOPIC

    def subscriptions_of(self, topic: str) -> list[str]:
        """Return the names of a topic's subscriptions."""
        return [subscription.settings.name for subscription in self._of_topic(self.topic(topic).name)]

    def create_subscription(self, settings: types.Subscription) -> types.Subscription:
        """Create a subscription, which receives messages published from now on."""
        check_name(settings.name, "subscriptions")
        self.topic(settings.topic)
        settings.ack_deadline_seconds = settings.ack_deadline_seconds or USUAL_ACK_DEADLINE
        if not USUAL_ACK_DEADLINE <= settings.ack_deadline_seconds <= LONGEST_ACK_DEADLINE:
            raise invalid(f"ack_deadline_seconds must be from {USUAL_ACK_DEADLINE} to {LONGEST_ACK_DEADLINE}")
        if settings.name in self.subscriptions:
            raise Refused(grpc.StatusCode.ALREADY_EXISTS, f"Subscription already exists: {settings.name}")
        self.subscriptions[settings.name] = Subscription(settings)
        return settings

    def subscription(self, name: str) -> Subscription:
        """Return a subscription; raises NOT_FOUND."""
        check_name(name, "subscriptions")
        if name not in self.subscriptions:
            raise Refused(grpc.StatusCode.NOT_FOUND, f"Subscription not found: {name}")
        return self.subscriptions[name]

    def delete_subscription(self, name: str) -> None:
        """Delete a subscription and its undelivered messages."""
        self.subscription(name).delete()
        del self.subscriptions[name]

    def publish(self, topic: str, messages: Sequence[types.PubsubMessage]) -> list[str]:
        """Publish each message to each subscription, and return the message ids in order."""
        self.topic(topic)
        if not messages:
            raise invalid("The request holds no message")
        if not all(message.data or message.attributes for message in messages):
            raise invalid("A message must have data or at least one attribute")
        for message in messages:
            message.message_id = str(next(self._message_ids))
            message.publish_time = datetime.now(UTC)
            for subscription in self._of_topic(topic):
                subscription.add(message)
        return [message.message_id for message in messages]

    def _of_topic(self, name: str) -> list[Subscription]:
        return [each for each in self.subscriptions.values() if each.settings.topic == name]


def page(items: Iterable[Item], size: int, token: str) -> tuple[list[Item], str]:
    """Return one page of a list, and the token of the next."""
    if token and not token.isdecimal():
        raise invalid("The page token is not one of ours")
    start = int(token or 0)
    rest = list(items)[start:]
    return (rest[:size], str(start + size)) if 0 < size < len(rest) else (rest, "")


def check_name(name: str, kind: str) -> None:
    """Raise INVALID_ARGUMENT for an invalid resource name."""
    found = NAME.fullmatch(name)
    if found is None or found["kind"] != kind:
        raise invalid(f"Invalid resource name: {name!r} is not projects/PROJECT/{kind}/NAME")


def invalid(detail: str) -> Refused:
    """Return an INVALID_ARGUMENT error."""
    return Refused(grpc.StatusCode.INVALID_ARGUMENT, detail)
