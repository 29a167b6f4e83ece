"""Without a valid token every endpoint refuses access, and nothing is written (FEATURES W27)."""

import os
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from nodes.settings import IdentitySettings, load
from tests.http.document import Document
from tests.http.key_sets import private_pem
from tests.world import World

ENDPOINTS = {
    "/cancel-subscription": "POST",
    "/retention-offer": "GET",
    "/subscription": "GET",
    "/cancellation-requests/{request_id}": "GET",
}


def token(user_id: str, key: str | None = None, algorithm: str = "EdDSA", **other: Any) -> str:
    """Return a token like the stack's own, with changed claims; None omits one."""
    settings = load(IdentitySettings)
    claims = {
        "sub": user_id,
        "iss": settings.jwt_issuer,
        "aud": settings.jwt_audience,
        "exp": datetime.now(UTC) + timedelta(hours=1),
        **other,
    }
    claims = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(claims, key if key is not None else os.environ["JWT_PRIVATE_KEY"], algorithm)


HEADERS: dict[str, Any] = {
    "none": lambda user: {},
    "another scheme": lambda user: {"Authorization": f"Basic {token(user)}"},
    "expired": lambda user: bearer(token(user, exp=datetime.now(UTC) - timedelta(minutes=1))),
    "another audience": lambda user: bearer(token(user, aud="another")),
    "another issuer": lambda user: bearer(token(user, iss="https://another.example.com")),
    "alg none": lambda user: bearer(token(user, "", "none")),
    "another key": lambda user: bearer(token(user, private_pem(Ed25519PrivateKey.generate()))),
    "HS256": lambda user: bearer(token(user, "a-secret-of-at-least-thirty-two-characters", "HS256")),
    "no expiry": lambda user: bearer(token(user, exp=None)),
    "no subject": lambda user: bearer(token(user, sub=None)),
    "invalid subject": lambda user: bearer(token("x" * 256)),
}


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


def call(world: World, endpoint: str, user_id: str, headers: dict[str, str]) -> httpx.Response:
    body = {"user_id": user_id, "reason": "other"} if ENDPOINTS[endpoint] == "POST" else None
    return world.http.request(ENDPOINTS[endpoint], endpoint.format(request_id=uuid4()), json=body, headers=headers)


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("kind", HEADERS)
def test_an_endpoint_refuses_a_request_without_a_valid_token(
    world: World, document: Document, endpoint: str, kind: str
) -> None:
    user_id = str(uuid4())
    response = call(world, endpoint, user_id, HEADERS[kind](user_id))

    assert response.status_code == 401
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["www-authenticate"] == "Bearer"
    assert response.json()["type"] == "urn:cancelflow:problem:unauthenticated"
    assert response.json()["success"] is False
    document.check(response, endpoint)
    assert world.rows("SELECT FROM cancellation_requests WHERE user_id = %s", user_id) == []
    assert world.rows("SELECT FROM audit_log WHERE user_id = %s", user_id) == []


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_an_endpoint_accepts_a_valid_token(world: World, document: Document, endpoint: str) -> None:
    """The same token without an error: its user does not exist, so there is nothing to find."""
    user_id = str(uuid4())
    response = call(world, endpoint, user_id, bearer(token(user_id)))
    assert response.status_code == 404
    document.check(response, endpoint)


def test_the_response_does_not_contain_the_token(world: World) -> None:
    text = token(str(uuid4()), aud="another")
    assert text.split(".")[1] not in world.http.get("/subscription", headers=bearer(text)).text


def test_a_customer_without_a_valid_token_changes_nothing(world: World) -> None:
    person = world.person("professional")
    before = world.row("SELECT * FROM subscriptions WHERE user_id = %s", person.user_id)
    for make in HEADERS.values():
        assert call(world, "/cancel-subscription", person.user_id, make(person.user_id)).status_code == 401
    assert world.row("SELECT * FROM subscriptions WHERE user_id = %s", person.user_id) == before
    cancelling = [
        w for w in world.simulator.writes(person.subscription_id) if w["path"].endswith(person.subscription_id)
    ]
    assert cancelling == []
    assert world.rows("SELECT FROM audit_log WHERE user_id = %s", person.user_id) == []
