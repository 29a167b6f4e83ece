"""Events reach the topic through Google's own client, are retried once if that helps, and fail in time."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import pytest

from nodes.clients.events import Events
from nodes.errors import EventsFailed
from nodes.settings import EventSettings
from tests.nodes.clients.pubsub_server import Publisher, pubsub_server
from tests.nodes.clients.smtp_servers import black_hole
from tests.ports import free_port

TOPIC = "projects/test/topics/billing-events"
EVENT = {"event": "subscription.canceled", "user_id": "u-1", "reason": None, "cancel_at": "2026-01-26T00:00:00Z"}


@asynccontextmanager
async def events(port: int, timeout: float = 5) -> AsyncIterator[Events]:  # noqa: ASYNC109  # passed on, not waited for
    settings = EventSettings.model_validate(
        {"google_cloud_project": "test", "pubsub_emulator_host": f"127.0.0.1:{port}"}
    )
    client = Events(settings, timeout=timeout)
    try:
        yield client
    finally:
        await client.close()


async def publish(client: Events) -> str:
    return await client.publish(EVENT, event_id="e-1", ordering_key="u-1")


def test_an_event_arrives_with_its_id_name_and_ordering_key() -> None:
    publisher = Publisher({TOPIC})

    async def scenario() -> str:
        async with pubsub_server(publisher) as port, events(port) as client:
            await client.check()
            return await publish(client)

    assert asyncio.run(scenario()) == "m-1"
    (message,) = publisher.messages
    assert json.loads(message.data) == {**EVENT, "event_id": "e-1"}
    assert dict(message.attributes) == {"event": "subscription.canceled", "event_id": "e-1"}
    assert message.ordering_key == "u-1"


def test_a_temporary_failure_is_retried() -> None:
    publisher = Publisher({TOPIC}, refusals=[grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.ABORTED])

    async def scenario() -> None:
        async with pubsub_server(publisher) as port, events(port) as client:
            await publish(client)

    asyncio.run(scenario())
    assert (publisher.calls, len(publisher.messages)) == (3, 1)


def test_a_permanent_failure_is_not_retried() -> None:
    publisher = Publisher({TOPIC}, refusals=[grpc.StatusCode.PERMISSION_DENIED])

    async def scenario() -> None:
        async with pubsub_server(publisher) as port, events(port) as client:
            with pytest.raises(EventsFailed, match="PermissionDenied"):
                await publish(client)

    asyncio.run(scenario())
    assert publisher.calls == 1


def test_a_missing_topic_fails_publishing_and_the_check() -> None:
    async def scenario() -> None:
        async with pubsub_server(Publisher()) as port, events(port) as client:
            with pytest.raises(EventsFailed, match=f"{TOPIC} .NotFound"):
                await publish(client)
            with pytest.raises(EventsFailed, match=f"{TOPIC} .NotFound"):
                await client.check()

    asyncio.run(scenario())


def test_a_missing_or_silent_server_times_out() -> None:
    async def scenario(port: int) -> None:
        async with events(port, timeout=0.3) as client:
            with pytest.raises(EventsFailed):
                await publish(client)
            with pytest.raises(EventsFailed):
                await client.check()

    asyncio.run(scenario(free_port()))
    with black_hole() as silent:
        asyncio.run(scenario(silent))


def test_a_client_can_be_used_again_after_an_outage() -> None:
    publisher = Publisher({TOPIC})

    async def scenario() -> None:
        async with pubsub_server(publisher) as port, events(port) as client:
            await publish(client)
        async with events(port, timeout=10) as client:
            with pytest.raises(EventsFailed):
                await client.check()
            async with pubsub_server(publisher, port):
                await publish(client)

    asyncio.run(scenario())
    assert len(publisher.messages) == 2


def test_a_client_can_be_reopened_and_closed_twice() -> None:
    publisher = Publisher({TOPIC})

    async def scenario() -> None:
        async with pubsub_server(publisher) as port, events(port) as client:
            await publish(client)
            await client.close()
            await client.close()
            await publish(client)

    asyncio.run(scenario())
    assert len(publisher.messages) == 2


def test_concurrent_calls_share_one_connection() -> None:
    publisher = Publisher({TOPIC})

    async def scenario() -> None:
        async with pubsub_server(publisher) as port, events(port) as client:
            await asyncio.gather(*(publish(client) for _ in range(20)))

    asyncio.run(scenario())
    assert len(publisher.messages) == 20


def test_missing_credentials_are_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "absent.json"))
    client = Events(EventSettings.model_validate({"google_cloud_project": "test", "pubsub_emulator_host": None}))
    with pytest.raises(EventsFailed, match="DefaultCredentialsError"):
        asyncio.run(client.check())
