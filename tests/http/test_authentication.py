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

DOORS = {
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
    "no end": lambda user: bearer(token(user, exp=None)),
    "no subject": lambda user: bearer(token(user, sub=None)),
    "subject that is no id": lambda user: bearer(token("x" * 256)),
}


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


def call(world: World, door: str, user_id: str, headers: dict[str, str]) -> httpx.Response:
    body = {"user_id": user_id, "reason": "other"} if DOORS[door] == "POST" else None
    return world.http.request(DOORS[door], door.format(request_id=uuid4()), json=body, headers=headers)


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("kind", HEADERS)
def test_a_door_is_shut_without_a_good_token(world: World, document: Document, door: str, kind: str) -> None:
    user_id = str(uuid4())
    response = call(world, door, user_id, HEADERS[kind](user_id))

    assert response.status_code == 401
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["www-authenticate"] == "Bearer"
    assert response.json()["type"] == "urn:cancelflow:problem:unauthenticated"
    assert response.json()["success"] is False
    document.check(response, door)
    assert world.rows("SELECT FROM cancellation_requests WHERE user_id = %s", user_id) == []
    assert world.rows("SELECT FROM audit_log WHERE user_id = %s", user_id) == []


@pytest.mark.parametrize("door", DOORS)
def test_a_door_is_open_with_one(world: World, document: Document, door: str) -> None:
    """The same token without an error: its user does not exist, so there is nothing to find."""
    user_id = str(uuid4())
    response = call(world, door, user_id, bearer(token(user_id)))
    assert response.status_code == 404
    document.check(response, door)


def test_nothing_is_told_of_the_token(world: World) -> None:
    text = token(str(uuid4()), aud="another")
    assert text.split(".")[1] not in world.http.get("/subscription", headers=bearer(text)).text


def test_a_customer_of_theirs_changes_nothing_without_a_token(world: World) -> None:
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
