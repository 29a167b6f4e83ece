"""Health and readiness: each dependency by name, and its problem without a secret."""

import asyncio
from typing import Any

import httpx
import pytest

from tests.conftest import Addresses
from tests.http.conftest import Application
from tests.http.document import Document
from tests.ports import free_port
from tests.world import World

pytestmark = pytest.mark.slow

PARTS = ("postgresql", "stripe", "pubsub", "smtp", "prefect")


def test_a_process_that_responds_is_healthy(world: World, document: Document) -> None:
    response = world.http.get("/healthz")
    assert (response.status_code, response.json()) == (200, {"status": "ok", "service": "cancelflow"})
    document.check(response, "/healthz")


def test_the_trigger_is_ready_and_lists_every_part_if_all_are_available(world: World, document: Document) -> None:
    response = world.http.get("/readyz")
    assert (response.status_code, response.json()) == (200, {"status": "ready", "checks": dict.fromkeys(PARTS, "ok")})
    document.check(response, "/readyz")


def readiness(application: Application, **environment: str) -> httpx.Response:
    async def scenario() -> httpx.Response:
        async with application(**environment) as client:
            assert (await client.get("/healthz")).status_code == 200
            return await client.get("/readyz")

    return asyncio.run(scenario())


@pytest.mark.parametrize(
    ("part", "environment", "says"),
    [
        ("stripe", {"STRIPE_API_BASE": "http://127.0.0.1:{port}"}, "Stripe: APIConnectionError"),
        ("stripe", {"STRIPE_API_KEY": "hunter2"}, "Stripe: AuthenticationError 401"),
        ("pubsub", {"PUBSUB_EMULATOR_HOST": "127.0.0.1:{port}"}, "Pub/Sub"),
        ("pubsub", {"PUBSUB_TOPIC": "another"}, "another"),
        ("smtp", {"SMTP_URL": "smtp://ada:hunter2@127.0.0.1:{port}"}, ""),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else None,
)
def test_an_unavailable_part_is_named_and_the_others_are_ok(
    application: Application, document: Document, part: str, environment: dict[str, str], says: str
) -> None:
    away = {name: value.format(port=free_port()) for name, value in environment.items()}
    check_that_only(part, says, readiness(application, **away), document)


def test_an_unavailable_database_is_named(
    application: Application, document: Document, without_a_database: dict[str, str]
) -> None:
    response = readiness(application, **without_a_database)
    check_that_only("postgresql", "PostgreSQL is not reachable", response, document)


def check_that_only(part: str, says: str, response: httpx.Response, document: Document) -> None:
    assert response.status_code == 503
    document.check(response, "/readyz")
    checks: dict[str, Any] = response.json()["checks"]
    assert response.json()["status"] == "not ready"
    assert {name for name, result in checks.items() if result != "ok"} == {part}
    assert checks[part]
    assert says in checks[part]
    assert "hunter2" not in response.text


def test_an_unmigrated_database_is_not_ready(application: Application, stack: Addresses) -> None:
    """The server's other database exists but is not ours: a responding port is not enough."""
    elsewhere = str(stack["database_admin_url"]).rpartition("/")[0] + "/postgres"
    response = readiness(application, DATABASE_URL=elsewhere)
    assert response.json()["checks"]["postgresql"] == "the database is not migrated: run `cancelflow migrate`"
