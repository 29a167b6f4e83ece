"""`google.pubsub.v1`'s Publisher and Subscriber: each method is the gRPC method of its name, in snake case."""

# ruff: noqa: D102  # Google documents the methods

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import grpc.aio
from google.pubsub_v1 import types

from deployments.local.pubsub_emulator.broker import Broker, Refused, invalid, page
from deployments.local.pubsub_emulator.subscription import LARGEST_BATCH, LONGEST_ACK_DEADLINE, Subscription

LONGEST_PULL = 10.0  # seconds an empty pull waits for a message
ANSWER_MARGIN = 0.2  # seconds before the caller's own deadline, so that it gets an empty response instead of an error

Context = grpc.aio.ServicerContext[Any, Any]


class Publisher:
    """The Publisher service: topics, and publishing to them."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    async def create_topic(self, request: types.Topic, _: Context) -> types.Topic:
        return self._broker.create_topic(request)

    async def get_topic(self, request: types.GetTopicRequest, _: Context) -> types.Topic:
        return self._broker.topic(request.topic)

    async def list_topics(self, request: types.ListTopicsRequest, _: Context) -> types.ListTopicsResponse:
        ours = [each for name, each in self._broker.topics.items() if name.startswith(f"{request.project}/")]
        topics, token = page(ours, request.page_size, request.page_token)
        return types.ListTopicsResponse(topics=topics, next_page_token=token)

    async def list_topic_subscriptions(
        self, request: types.ListTopicSubscriptionsRequest, _: Context
    ) -> types.ListTopicSubscriptionsResponse:
        names, token = page(self._broker.subscriptions_of(request.topic), request.page_size, request.page_token)
        return types.ListTopicSubscriptionsResponse(subscriptions=names, next_page_token=token)

    async def delete_topic(self, request: types.DeleteTopicRequest, _: Context) -> None:
        self._broker.delete_topic(request.topic)

    async def publish(self, request: types.PublishRequest, _: Context) -> types.PublishResponse:
        return types.PublishResponse(message_ids=self._broker.publish(request.topic, request.messages))


class Subscriber:
    """The Subscriber service: subscriptions, and their deliveries."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    async def create_subscription(self, request: types.Subscription, _: Context) -> types.Subscription:
        return self._broker.create_subscription(request)

    async def get_subscription(self, request: types.GetSubscriptionRequest, _: Context) -> types.Subscription:
        return self._broker.subscription(request.subscription).settings

    async def list_subscriptions(
        self, request: types.ListSubscriptionsRequest, _: Context
    ) -> types.ListSubscriptionsResponse:
        known = self._broker.subscriptions.items()
        ours = [each.settings for name, each in known if name.startswith(f"{request.project}/")]
        subscriptions, token = page(ours, request.page_size, request.page_token)
        return types.ListSubscriptionsResponse(subscriptions=subscriptions, next_page_token=token)

    async def delete_subscription(self, request: types.DeleteSubscriptionRequest, _: Context) -> None:
        self._broker.delete_subscription(request.subscription)

    async def acknowledge(self, request: types.AcknowledgeRequest, _: Context) -> None:
        subscription = self._broker.subscription(request.subscription)
        for ack_id in request.ack_ids:
            subscription.acknowledge(ack_id)

    async def modify_ack_deadline(self, request: types.ModifyAckDeadlineRequest, _: Context) -> None:
        subscription = self._broker.subscription(request.subscription)
        for ack_id in request.ack_ids:
            subscription.extend(ack_id, checked_deadline(request.ack_deadline_seconds))

    async def pull(self, request: types.PullRequest, context: Context) -> types.PullResponse:
        subscription = self._broker.subscription(request.subscription)
        if request.max_messages <= 0:
            raise invalid("max_messages must be greater than 0")
        remaining = context.time_remaining()
        patience = LONGEST_PULL if remaining is None else max(0.0, min(LONGEST_PULL, remaining - ANSWER_MARGIN))
        if types.PullRequest.pb(request).return_immediately:  # deprecated, and a property that warns
            patience = 0.0
        messages = await subscription.take(request.max_messages, consumer=object(), patience=patience)
        return types.PullResponse(received_messages=messages)

    async def streaming_pull(self, requests: AsyncIterator[types.StreamingPullRequest], context: Context) -> None:
        first = await anext(aiter(requests))
        subscription = self._broker.subscription(first.subscription)
        checked_deadline(first.stream_ack_deadline_seconds)
        obey(first, subscription)
        both = [
            asyncio.create_task(_listen(requests, subscription)),
            asyncio.create_task(_deliver(first, subscription, context)),
        ]
        try:
            done, _ = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in both:
                task.cancel()


async def _listen(requests: AsyncIterator[types.StreamingPullRequest], subscription: Subscription) -> None:
    async for request in requests:
        obey(request, subscription)


async def _deliver(first: types.StreamingPullRequest, subscription: Subscription, context: Context) -> None:
    stream = object()
    room = first.max_outstanding_messages if first.max_outstanding_messages > 0 else LARGEST_BATCH
    ordered = {"message_ordering_enabled": subscription.settings.enable_message_ordering}
    deadline = first.stream_ack_deadline_seconds
    while not subscription.deleted:
        messages = await subscription.take(room, consumer=stream, patience=None, deadline=deadline)
        if messages:
            response = types.StreamingPullResponse(received_messages=messages, subscription_properties=ordered)
            await context.write(response)
    raise Refused(grpc.StatusCode.NOT_FOUND, f"Subscription not found: {first.subscription}")


def obey(request: types.StreamingPullRequest, subscription: Subscription) -> None:
    """Apply a client's message on an open stream: acknowledgements, and extended deadlines."""
    for ack_id in request.ack_ids:
        subscription.acknowledge(ack_id)
    for ack_id, seconds in zip(request.modify_deadline_ack_ids, request.modify_deadline_seconds, strict=False):
        subscription.extend(ack_id, checked_deadline(seconds))


def checked_deadline(seconds: int) -> int:
    """Return the deadline; raises INVALID_ARGUMENT outside Pub/Sub's limits."""
    if not 0 <= seconds <= LONGEST_ACK_DEADLINE:
        raise invalid(f"An ack deadline must be from 0 to {LONGEST_ACK_DEADLINE} seconds")
    return seconds
