"""The trigger's OpenAPI document, and the trigger itself in this process, with some parts missing."""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import httpx
import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from deployments.http.app import create_app
from nodes.clients.database import connections as database_connections
from nodes.settings import TriggerSettings, load
from tests.conftest import Addresses
from tests.http.document import Document
from tests.ports import free_port
from tests.world import World

Application = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


@pytest.fixture(scope="session")
def document(world: World) -> Document:
    return Document(world.http.get("/openapi.json").json())


@pytest.fixture
def application(stack: Addresses) -> Application:
    """Return a context manager that runs the application on the stack's parts, with changed settings."""
    assert stack["http"]

    @asynccontextmanager
    async def running(**environment: str) -> AsyncIterator[httpx.AsyncClient]:
        with pytest.MonkeyPatch.context() as patch:
            for name in [name for name in os.environ if environment.get(name) == ""]:
                patch.delenv(name)
            for name, value in environment.items():
                patch.setenv(name, value)
            app = create_app(load(TriggerSettings))
        # Prefect read the environment when it was imported, and would start its own server.
        prefect = temporary_settings({PREFECT_API_URL: os.environ["PREFECT_API_URL"]})
        # With raise_app_exceptions an unexpected error would be raised here, after the response, for a server to log.
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        with prefect:
            async with (
                app.router.lifespan_context(app),
                httpx.AsyncClient(transport=transport, base_url="http://trigger", timeout=60) as client,
            ):
                yield client

    return running


@pytest.fixture
def without_a_database(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Return the setting for a missing database, and shorten the pool's timeout."""
    monkeypatch.setattr(database_connections, "POOL_TIMEOUT_SECONDS", 0.3)
    return {"DATABASE_URL": f"postgresql://app:hunter2@127.0.0.1:{free_port()}/x"}
