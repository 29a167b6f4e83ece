"""The response to a cancellation does not wait for its email and its event (SPEC: 10 s)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from nodes.clients.events import Events
from nodes.clients.mail.client import Mailer
from tests.http.conftest import Application
from tests.world import Person, World

pytestmark = pytest.mark.slow

# Longer than any response takes: a response that waited for an attempt would say 202 at its deadline.
ATTEMPT_SECONDS = 120.0


async def cancel(client: httpx.AsyncClient, person: Person) -> httpx.Response:
    body = {"user_id": person.user_id, "reason": "unused"}
    return await client.post("/cancel-subscription", json=body, headers=person.headers)


@asynccontextmanager
async def silent_server() -> AsyncIterator[int]:
    """Accept connections, and never respond; close them all at the end of the block."""
    accepted: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _, writer: accepted.append(writer), "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
        assert accepted
    finally:
        server.close()
        for writer in accepted:
            writer.transport.abort()


# Stripe's SDK uses a deprecated argument of httpx, which as an error would look like a lost connection.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_response_does_not_wait_for_deliveries(
    world: World, application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, person = world.person("professional"), world.person("professional")
    for client in (Mailer, Events):
        defaults = client.__init__.__kwdefaults__
        assert defaults
        monkeypatch.setitem(defaults, "timeout", ATTEMPT_SECONDS)

    async def cancelled() -> tuple[int, list[int]]:
        async with (
            silent_server() as port,
            application(SMTP_URL=f"smtp://127.0.0.1:{port}", PUBSUB_EMULATOR_HOST=f"127.0.0.1:{port}") as client,
        ):
            await cancel(client, first)  # which imports everything, with the event loop waiting
            response = await cancel(client, person)
            outbox = world.rows("SELECT attempts FROM outbox WHERE user_id = %s", person.user_id)
            return response.status_code, [each["attempts"] for each in outbox]

    assert asyncio.run(cancelled()) == (200, [0, 0])
