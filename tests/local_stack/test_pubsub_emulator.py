"""The Pub/Sub emulator, used through Google's own clients."""

import asyncio
import threading
import uuid
from collections.abc import Awaitable, Callable, Iterator

import grpc
import grpc.aio
import pytest
from google.api_core import exceptions
from google.cloud import pubsub_v1  # type: ignore[import-untyped]
from google.cloud.pubsub_v1.subscriber.message import Message  # type: ignore[import-untyped]
from google.pubsub_v1 import PublisherAsyncClient, SubscriberClient, types
from google.pubsub_v1.services.publisher.transports import PublisherGrpcAsyncIOTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

from deployments.local.parts.topic import ensure_topic
from nodes.settings import EventSettings, load
from tests.local_stack.helpers import accepts_connections, running, wait_until
from tests.ports import free_port

FIRST_TOPIC = "projects/tests/topics/made-at-start"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    port = free_port()
    with running("deployments.local.pubsub_emulator", "--port", port, "--topic", FIRST_TOPIC):
        wait_until(lambda: accepts_connections(port), "the emulator")
        yield f"127.0.0.1:{port}"


@pytest.fixture
def subscriber(address: str) -> Iterator[SubscriberClient]:
    with grpc.insecure_channel(address) as channel:
        yield SubscriberClient(transport=SubscriberGrpcTransport(channel=channel))


@pytest.fixture
def topic(address: str) -> str:
    name = f"projects/tests/topics/t-{uuid.uuid4()}"

    async def create(client: PublisherAsyncClient) -> None:
        await client.create_topic(name=name)

    asyncio.run(with_publisher(address, create))
    return name


async def with_publisher(address: str, use: Callable[[PublisherAsyncClient], Awaitable[None]]) -> None:
    async with grpc.aio.insecure_channel(address) as channel:
        await use(PublisherAsyncClient(transport=PublisherGrpcAsyncIOTransport(channel=channel)))


def publish(address: str, topic: str, *data: str, key: str = "", **attributes: str) -> None:
    async def send(client: PublisherAsyncClient) -> None:
        for each in data:
            message = types.PubsubMessage(data=each.encode(), ordering_key=key, attributes=attributes)
            response = await client.publish(topic=topic, messages=[message])
            assert len(response.message_ids) == 1

    asyncio.run(with_publisher(address, send))


def subscribe(subscriber: SubscriberClient, topic: str, *, ordered: bool = False) -> str:
    name = f"projects/tests/subscriptions/s-{uuid.uuid4()}"
    request = types.Subscription(name=name, topic=topic, enable_message_ordering=ordered)
    assert subscriber.create_subscription(request=request).ack_deadline_seconds == 10
    return name


def pull(
    subscriber: SubscriberClient, name: str, most: int = 10, *, patience: float = 5
) -> list[types.ReceivedMessage]:
    return list(subscriber.pull(subscription=name, max_messages=most, timeout=patience).received_messages)


def texts(messages: list[types.ReceivedMessage]) -> list[str]:
    return [received.message.data.decode() for received in messages]


def test_every_subscription_gets_every_message_once(address: str, subscriber: SubscriberClient, topic: str) -> None:
    names = [subscribe(subscriber, topic) for _ in range(3)]
    publish(address, topic, "cancelled", event_id="7")
    for name in names:
        [received] = pull(subscriber, name)
        assert received.message.data == b"cancelled"
        assert dict(received.message.attributes) == {"event_id": "7"}
        assert received.message.message_id
        assert received.message.publish_time
        subscriber.acknowledge(subscription=name, ack_ids=[received.ack_id])
        assert pull(subscriber, name, patience=0.5) == []


def test_messages_with_one_ordering_key_arrive_in_order(address: str, subscriber: SubscriberClient, topic: str) -> None:
    name = subscribe(subscriber, topic, ordered=True)
    publish(address, topic, "1", "2", "3", key="user")
    first, second = pull(subscriber, name, 2)
    assert texts([first, second]) == ["1", "2"]
    assert pull(subscriber, name, patience=0.5) == []  # 3 waits while another consumer holds 1 and 2
    subscriber.acknowledge(subscription=name, ack_ids=[first.ack_id, second.ack_id])
    assert texts(pull(subscriber, name)) == ["3"]


def test_a_nack_also_redelivers_later_messages(address: str, subscriber: SubscriberClient, topic: str) -> None:
    name = subscribe(subscriber, topic, ordered=True)
    publish(address, topic, "1", "2", "3", key="user")
    first = pull(subscriber, name)[0]
    subscriber.modify_ack_deadline(subscription=name, ack_ids=[first.ack_id], ack_deadline_seconds=0)
    assert texts(pull(subscriber, name)) == ["1", "2", "3"]


def test_messages_with_other_keys_do_not_wait(address: str, subscriber: SubscriberClient, topic: str) -> None:
    name = subscribe(subscriber, topic, ordered=True)
    publish(address, topic, "a1", "a2", key="a")
    assert texts(pull(subscriber, name, 1)) == ["a1"]
    publish(address, topic, "b1", key="b")
    assert texts(pull(subscriber, name)) == ["b1"]


def test_a_message_is_redelivered_after_its_deadline(address: str, subscriber: SubscriberClient, topic: str) -> None:
    name = subscribe(subscriber, topic)
    publish(address, topic, "again")
    [first] = pull(subscriber, name)
    subscriber.modify_ack_deadline(subscription=name, ack_ids=[first.ack_id], ack_deadline_seconds=1)
    [second] = pull(subscriber, name)
    assert second.message.message_id == first.message.message_id
    assert second.ack_id != first.ack_id
    subscriber.acknowledge(subscription=name, ack_ids=[first.ack_id])  # expired: ignored, without effect
    subscriber.modify_ack_deadline(subscription=name, ack_ids=[second.ack_id], ack_deadline_seconds=0)
    assert texts(pull(subscriber, name)) == ["again"]


def test_a_topic_is_created_once_on_an_empty_emulator(
    address: str, subscriber: SubscriberClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = f"t-{uuid.uuid4()}"
    for name, value in (("PUBSUB_EMULATOR_HOST", address), ("GOOGLE_CLOUD_PROJECT", "tests"), ("PUBSUB_TOPIC", topic)):
        monkeypatch.setenv(name, value)
    for _ in range(2):
        ensure_topic(load(EventSettings))
    subscribe(subscriber, f"projects/tests/topics/{topic}")


def test_the_streaming_client_receives_all_messages_in_order(
    address: str, subscriber: SubscriberClient, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = subscribe(subscriber, topic, ordered=True)
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", address)
    seen: list[str] = []
    complete = threading.Event()

    def receive(message: Message) -> None:
        seen.append(message.data.decode())
        message.nack() if seen == ["0"] else message.ack()
        if seen.count("0") > 1 and seen[-5:] == list("01234"):  # the first was returned, and those after it
            complete.set()

    with pubsub_v1.SubscriberClient() as client:
        stream = client.subscribe(name, receive)
        publish(address, topic, *map(str, range(5)), key="user")
        assert complete.wait(20), seen
        stream.cancel()
        stream.result(timeout=10)


def test_a_deleted_topics_subscriptions_keep_their_messages(
    address: str, subscriber: SubscriberClient, topic: str
) -> None:
    name = subscribe(subscriber, topic)
    publish(address, topic, "last")

    async def delete(client: PublisherAsyncClient) -> None:
        await client.delete_topic(topic=topic)
        with pytest.raises(exceptions.NotFound):
            await client.get_topic(topic=topic)

    asyncio.run(with_publisher(address, delete))
    assert subscriber.get_subscription(subscription=name).topic == "_deleted_topic_"
    assert texts(pull(subscriber, name)) == ["last"]


def test_lists_are_paginated(address: str, subscriber: SubscriberClient, topic: str) -> None:
    project = f"projects/{uuid.uuid4()}"

    async def topics(client: PublisherAsyncClient) -> None:
        made = [f"{project}/topics/topic-{number}" for number in range(5)]
        for name in made:
            await client.create_topic(name=name)
        listed = await client.list_topics(request={"project": project, "page_size": 2})
        assert [each.name async for each in listed] == made
        names = [subscribe(subscriber, made[0]) for _ in range(2)]
        assert [each async for each in await client.list_topic_subscriptions(topic=made[0])] == names
        assert {each.name for each in subscriber.list_subscriptions(project="projects/tests")} >= set(names)

    asyncio.run(with_publisher(address, topics))


def test_topics_named_at_start_exist(address: str) -> None:
    async def look(client: PublisherAsyncClient) -> None:
        assert (await client.get_topic(topic=FIRST_TOPIC)).name == FIRST_TOPIC

    asyncio.run(with_publisher(address, look))


def test_publishing_is_refused_like_pubsub(address: str, topic: str) -> None:
    missing = "projects/tests/topics/missing"
    message = types.PubsubMessage(data=b"x")

    async def refuse(client: PublisherAsyncClient) -> None:
        with pytest.raises(exceptions.NotFound, match="Topic not found"):
            await client.publish(topic=missing, messages=[message])
        with pytest.raises(exceptions.AlreadyExists):
            await client.create_topic(name=topic)
        for bad in ("billing", "projects/p/topics/no", "projects/p/topics/goog-x", "projects/p/subscriptions/events"):
            with pytest.raises(exceptions.InvalidArgument):
                await client.create_topic(name=bad)
        for nothing in ([], [types.PubsubMessage(ordering_key="user")]):
            with pytest.raises(exceptions.InvalidArgument):
                await client.publish(topic=topic, messages=nothing)

    asyncio.run(with_publisher(address, refuse))


def test_subscribing_is_refused_like_pubsub(subscriber: SubscriberClient, topic: str) -> None:
    missing = "projects/tests/subscriptions/missing"
    name = subscribe(subscriber, topic)
    with pytest.raises(exceptions.NotFound, match="Subscription not found"):
        pull(subscriber, missing)
    with pytest.raises(exceptions.NotFound):
        subscriber.acknowledge(subscription=missing, ack_ids=["x"])
    with pytest.raises(exceptions.NotFound, match="Topic not found"):
        subscriber.create_subscription(name=missing, topic="projects/tests/topics/missing")
    with pytest.raises(exceptions.AlreadyExists):
        subscriber.create_subscription(name=name, topic=topic)
    for seconds in (5, 601):
        request = types.Subscription(name=missing, topic=topic, ack_deadline_seconds=seconds)
        with pytest.raises(exceptions.InvalidArgument):
            subscriber.create_subscription(request=request)
    with pytest.raises(exceptions.InvalidArgument):
        pull(subscriber, name, 0)
    subscriber.delete_subscription(subscription=name)
    with pytest.raises(exceptions.NotFound):
        subscriber.get_subscription(subscription=name)
