"""The OpenAPI document: valid, complete, and true of every response that the trigger returns."""

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from inspect import iscoroutinefunction
from typing import Any
from uuid import uuid4

import httpx
import pytest
import schemathesis
from fastapi.routing import APIRoute
from jsonschema_rs import Draft202012Validator, meta

from deployments.http import app as module
from nodes.rules.reasons import REASONS
from nodes.settings import TriggerSettings, load
from tests.conftest import Addresses
from tests.http.conftest import Application
from tests.http.document import Document
from tests.ports import free_port
from tests.world import Person, World

POST = "/cancel-subscription"


# The document itself


def test_the_document_contains_every_route_except_the_pages(stack: Addresses, document: Document) -> None:
    assert set(document.operations) == {
        ("POST", "/cancel-subscription"),
        ("GET", "/cancellation-requests/{request_id}"),
        ("POST", "/reactivate-subscription"),
        ("GET", "/reactivations/{request_id}"),
        ("GET", "/offers"),
        ("POST", "/offers/{offer_id}/accept"),
        ("POST", "/bookings"),
        ("POST", "/resume-subscription"),
        ("GET", "/changes/{request_id}"),
        ("GET", "/retention-offer"),
        ("GET", "/cancellation-preview"),
        ("GET", "/subscription"),
        ("GET", "/consents"),
        ("POST", "/consents"),
        ("GET", "/healthz"),
        ("GET", "/readyz"),
    }
    assert stack["http"]
    assert module.create_app(load(TriggerSettings)).openapi() == document.content


def test_the_document_is_valid_openapi(document: Document) -> None:
    assert document.content["openapi"].startswith("3.1")
    loaded = schemathesis.openapi.from_dict(document.content)
    assert loaded.statistic.operations.total == len(document.operations)


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        yield from (value for name, value in part.items() if name == "$ref")
        part = list(part.values())
    if isinstance(part, list):
        for each in part:
            yield from references(each)


def test_every_schema_is_valid_and_every_reference_resolves(document: Document) -> None:
    schemas = document.content["components"]["schemas"]
    for schema in schemas.values():
        meta.validate(schema)
    named = {reference.removeprefix("#/components/schemas/") for reference in references(document.content)}
    assert named == set(schemas)


def test_every_error_is_a_problem_document(document: Document) -> None:
    for (_, path), operation in document.operations.items():
        for status, response in operation["responses"].items():
            wanted = "application/json" if int(status) < 400 or path == "/readyz" else "application/problem+json"
            assert list(response["content"]) == [wanted], (path, status)
            assert response["description"]


ACCEPTANCE = ["200", "202", "400", "401", "402", "404", "408", "409", "413", "415", "422", "429", "500", "503"]


def test_each_operation_documents_exactly_the_statuses_it_returns(document: Document) -> None:
    found = {path: sorted(operation["responses"]) for (_, path), operation in document.operations.items()}
    for method in ("GET", "POST"):
        found[f"{method} /consents"] = sorted(document.operations[method, "/consents"]["responses"])
    del found["/consents"]
    assert found == {
        "/cancel-subscription": [
            "200",
            "202",
            "400",
            "401",
            "403",
            "404",
            "408",
            "409",
            "413",
            "415",
            "422",
            "429",
            "500",
            "503",
        ],
        "/cancellation-requests/{request_id}": ["200", "202", "400", "401", "403", "404", "409", "500", "503"],
        "/reactivate-subscription": [
            "200",
            "202",
            "400",
            "401",
            "403",
            "404",
            "408",
            "409",
            "410",
            "413",
            "415",
            "429",
            "500",
            "503",
        ],
        "/reactivations/{request_id}": ["200", "202", "400", "401", "403", "404", "409", "410", "500", "503"],
        "/offers": ["200", "400", "401", "404", "409", "503"],
        "/offers/{offer_id}/accept": ACCEPTANCE,
        "/bookings": ["200", "400", "401", "404", "408", "413", "415", "429", "503"],
        "/resume-subscription": ACCEPTANCE,
        "/changes/{request_id}": ["200", "202", "400", "401", "402", "404", "409", "500", "503"],
        "/retention-offer": ["200", "400", "401", "404", "409", "503"],
        "/cancellation-preview": ["200", "400", "401", "404", "409", "503"],
        "/subscription": ["200", "400", "401", "404", "409", "503"],
        "GET /consents": ["200", "401", "503"],
        "POST /consents": ["200", "400", "401", "403", "408", "409", "413", "415", "422", "429", "503"],
        "/healthz": ["200"],
        "/readyz": ["200", "503"],
    }


def test_operations_that_need_a_token_declare_it(document: Document) -> None:
    open_to_all = {path for (_, path), operation in document.operations.items() if "security" not in operation}
    assert open_to_all == {"/healthz", "/readyz"}
    assert document.content["components"]["securitySchemes"] == {
        "HTTPBearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    }


def test_the_body_lists_the_reasons_and_its_example_is_valid(document: Document) -> None:
    schema = document.schema("CancelSubscriptionRequest")
    Draft202012Validator(schema).validate(
        document.content["components"]["schemas"]["CancelSubscriptionRequest"]["examples"][0]
    )
    listed = document.content["components"]["schemas"]["CancelSubscriptionRequest"]["properties"]["reason"]["enum"]
    assert set(REASONS) <= set(listed)


def test_no_request_needs_a_thread() -> None:
    """FastAPI runs a function that is not a coroutine in a thread, and a burst would exhaust the threads."""
    routers = [each.router for each in vars(module).values() if hasattr(each, "router")]
    routes = [route for router in routers for route in router.routes if isinstance(route, APIRoute)]
    dependencies = [each.call for route in routes for each in route.dependant.dependencies]
    calls = [*dependencies, *(route.endpoint for route in routes)]
    assert dependencies
    assert [
        each for each in calls if not iscoroutinefunction(each) and not iscoroutinefunction(type(each).__call__)
    ] == []


# Its responses: each one that the trigger returns is checked against the document.

Call = Callable[[World], httpx.Response]


def posted(case: str, **body: Any) -> Call:
    return lambda world: world.post(world.person(case), **body)


def raw(content: bytes, media_type: str | None = "application/json") -> Call:
    def call(world: World) -> httpx.Response:
        headers = {**world.headers(str(uuid4())), **({"Content-Type": media_type} if media_type else {})}
        return world.http.post(POST, content=content, headers=headers)

    return call


def failing(world: World) -> httpx.Response:
    person = world.person("professional")
    with world.simulator.fault(kind="status", status=400, times=0, method="POST", contains=person.subscription_id):
        return world.cancel(person)


def for_another_user(world: World) -> httpx.Response:
    one, other = (Person("", str(uuid4()), "", [], {}) for _ in range(2))
    body = {"user_id": other.user_id, "reason": "unused"}
    return world.http.post(POST, json=body, headers=world.headers(one.user_id))


def with_a_used_key(world: World) -> httpx.Response:
    person = world.person("no_subscription")
    headers = {**person.headers, "Idempotency-Key": str(uuid4())}
    first, other = ({"user_id": person.user_id, "reason": reason} for reason in ("unused", "other"))
    assert world.http.post(POST, json=first, headers=headers).status_code == 404
    return world.http.post(POST, json=other, headers=headers)


def too_often(world: World) -> httpx.Response:
    user_id = str(uuid4())
    used_up = "INSERT INTO attempts (user_id, since, counted) VALUES (%s, now() + interval '1 hour', 10000)"
    world.admin.execute(used_up, [user_id])
    return world.http.post(POST, json={"user_id": user_id}, headers=world.headers(user_id))


def with_an_empty_key(world: World) -> httpx.Response:
    headers = {**world.headers(str(uuid4())), "Idempotency-Key": ""}
    return world.http.post(POST, json={}, headers=headers)


CALLS: dict[str, tuple[Call, int, str | None]] = {
    "cancelled": (posted("professional", reason="unused", feedback="ü"), 200, None),
    "retained": (posted("starter", accept_offer=True), 200, None),
    "prefer not to say": (posted("professional", reason="prefer_not_to_say"), 200, None),
    "no reason": (posted("professional"), 400, "Cancellation reason required"),
    "empty reason": (posted("professional", reason=""), 400, "Cancellation reason required"),
    "another reason": (posted("professional", reason="bored"), 400, "reason: reason must be one of"),
    "malformed": (raw(b"{"), 400, "body: Invalid JSON"),
    "empty": (raw(b""), 400, "body: Invalid JSON"),
    "not an object": (raw(b"[]"), 400, "body: "),
    "misspelt": (posted("professional", reason="unused", acept_offer=True), 400, "acept_offer: "),
    "feedback too long": (posted("professional", reason="unused", feedback="x" * 5001), 400, "feedback: "),
    "feedback with NUL": (posted("professional", reason="unused", feedback="a\0b"), 400, "feedback: "),
    "lone surrogate": (raw(b'{"feedback": "\\ud800"}'), 400, "body: Invalid JSON"),
    "for another user": (for_another_user, 403, "A user can cancel only their own subscription"),
    "nothing to cancel": (posted("no_subscription", reason="unused"), 404, "No active subscription to cancel"),
    "already pending": (
        posted("already_pending", reason="unused"),
        409,
        "Subscription already scheduled for cancellation",
    ),
    "several subscriptions": (posted("two_subscriptions", reason="unused"), 409, "Several active subscriptions"),
    "no offer": (posted("yearly", accept_offer=True), 409, "No retention offer is available"),
    "too large": (raw(b" " * (64 * 1024 + 1)), 413, "The body is larger than 64 KiB"),
    "another media type": (raw(b"user_id=1", "application/x-www-form-urlencoded"), 415, "Send the body as"),
    "used key": (with_a_used_key, 422, "This Idempotency-Key was used with another body"),
    "too often": (too_often, 429, "Too many attempts: try again later"),
    "empty key": (with_an_empty_key, 400, "A parameter is not valid"),
    "Stripe failed": (failing, 500, "Cancellation failed, try again"),
}


@pytest.mark.parametrize("name", CALLS)
def test_each_response_matches_the_document(world: World, document: Document, name: str) -> None:
    call, status, detail = CALLS[name]
    response = call(world)
    assert response.status_code == status, response.text
    document.check(response, POST)
    assert response.json()["success"] is (detail is None)
    if detail is not None:
        assert response.json()["detail"].startswith(detail)
        assert response.json()["status"] == status
        assert re.fullmatch(r"urn:cancelflow:problem:[a-z-]+", response.json()["type"])


def test_an_unavailable_database_is_reported_with_503(
    application: Application, world: World, document: Document, without_a_database: dict[str, str]
) -> None:
    user_id = str(uuid4())

    async def scenario() -> httpx.Response:
        async with application(**without_a_database) as client:
            body = {"user_id": user_id, "reason": "unused"}
            return await client.post(POST, json=body, headers=world.headers(user_id))

    response = asyncio.run(scenario())
    assert response.status_code == 503
    document.check(response, POST)


def test_an_unavailable_identity_provider_is_reported_with_503(
    application: Application, world: World, document: Document
) -> None:
    headers = world.headers(str(uuid4()))

    async def scenario() -> httpx.Response:
        jwks = f"http://127.0.0.1:{free_port()}/keys"
        async with application(JWT_JWKS_URL=jwks, JWT_PUBLIC_KEY="") as client:
            return await client.get("/subscription", headers=headers)

    response = asyncio.run(scenario())
    assert response.status_code == 503
    assert response.json()["type"] == "urn:cancelflow:problem:identity-provider-unavailable"
    document.check(response, "/subscription")


# What is in no document


@pytest.mark.parametrize(
    ("method", "path", "status", "slug"),
    [
        ("GET", "/cancelled", 404, "not-found"),
        ("GET", "/cancel-subscription/", 404, "not-found"),
        ("GET", "/redoc", 404, "not-found"),
        ("GET", "/cancel-subscription", 405, "method-not-allowed"),
        ("DELETE", "/subscription", 405, "method-not-allowed"),
        ("PATCH", "/healthz", 405, "method-not-allowed"),
        ("BREW", "/healthz", 405, "method-not-allowed"),
    ],
)
def test_an_unknown_path_or_method_returns_a_problem_document(
    world: World, method: str, path: str, status: int, slug: str
) -> None:
    response = world.http.request(method, path)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["type"] == f"urn:cancelflow:problem:{slug}"
    assert response.json()["success"] is False
    assert ("allow" in response.headers) is (status == 405)
    assert ("GET /docs shows every endpoint" in response.json()["detail"]) is (status == 404)


def test_an_unexpected_error_returns_a_problem_document_without_its_message(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Judge:
        def __init__(self, _: object) -> None:
            """Accept anything."""

        async def caller(self, _: object) -> None:
            raise ZeroDivisionError("ada@example.com")

    monkeypatch.setattr(module, "Identity", Judge)

    async def scenario() -> httpx.Response:
        async with application() as client:
            return await client.get("/subscription")

    response = asyncio.run(scenario())
    assert response.status_code == 500
    assert response.headers["content-type"] == "application/problem+json"
    assert json.loads(response.text)["detail"] == "Something went wrong on our side"
    assert "ada@example.com" not in response.text
