"""Session tokens: what opens a session, and what is refused without a trace (FEATURES U01 to U05, U20 to U22, C03)."""

import base64
import socket
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from nodes.settings import CancelPageSettings, load
from tests.acceptance.trigger import serving
from tests.cancel_page.visitor import Visitor, path_of, sessions_of, token
from tests.http.key_sets import jwk, provider
from tests.waiting import AT_MOST_SECONDS, concurrently
from tests.world import Person, World

NEVER_OPENED = "Open this page from your account"
OLD = ("2026-01", "the-old-secret-of-at-least-thirty-two-characters")
NEW = ("2026-02", "the-new-secret-of-at-least-thirty-two-characters")


def both() -> str:
    return ",".join(":".join(pair) for pair in (OLD, NEW))


def signing_key() -> tuple[str, str]:
    [(key_id, secret)] = load(CancelPageSettings).session_secrets.items()
    return key_id, secret.get_secret_value()


def flipped(made: str, part: int) -> str:
    """Return the token with one bit of its header, payload or signature altered."""
    parts = made.split(".")
    decoded = bytearray(base64.urlsafe_b64decode(parts[part] + "=" * (-len(parts[part]) % 4)))
    decoded[len(decoded) // 2] ^= 1
    parts[part] = base64.urlsafe_b64encode(bytes(decoded)).rstrip(b"=").decode()
    return ".".join(parts)


def unsigned(person: Person) -> str:
    claims = jwt.decode(token(person), options={"verify_signature": False})
    return jwt.encode(claims, "", algorithm="none", headers={"kid": signing_key()[0]})


def in_seconds(seconds: float) -> int:
    return int(time.time() + seconds)


INVALID: dict[str, Callable[[Person], str]] = {
    "a bit of the header": lambda person: flipped(token(person), 0),
    "a bit of the payload": lambda person: flipped(token(person), 1),
    "a bit of the signature": lambda person: flipped(token(person), 2),
    "another secret": lambda person: token(person, key=(signing_key()[0], OLD[1])),
    "an unknown key id": lambda person: token(person, key=("unknown", signing_key()[1])),
    "not signed": unsigned,
    "another algorithm": lambda person: jwt.encode({"sub": person.user_id}, signing_key()[1] * 2, algorithm="HS512"),
    "another issuer": lambda person: token(person, iss="https://elsewhere.example.com"),
    "no issuer": lambda person: token(person, iss=None),
    "live mode": lambda person: token(person, mode="live"),
    "no mode": lambda person: token(person, mode=None),
    "an unknown mode": lambda person: token(person, mode="sandbox"),
    "no customer": lambda person: token(person, sub=None),
    "an empty customer": lambda person: token(person, sub=""),
    "a customer that cannot be stored": lambda person: token(person, sub="a\0b"),
    "a subscription that cannot be stored": lambda person: token(person, subscriptionId="sub_\0"),
    "no id": lambda person: token(person, jti=None),
    "an id that cannot be stored": lambda person: token(person, jti="\ud800"),
    "no end": lambda person: token(person, exp=None),
    "an end that is no number": lambda person: token(person, exp="soon"),
    "an end that is a text": lambda person: token(person, exp=str(in_seconds(300))),
    "an end that is a list": lambda person: token(person, exp=[in_seconds(300)]),
    "an end without end": lambda person: token(person, exp=float("inf")),
    "more than an hour": lambda person: token(person, exp=in_seconds(3700)),
    "not yet valid": lambda person: token(person, nbf=in_seconds(600)),
    "oversized": lambda person: token(person, customerAttributes={"x": "x" * 40_000}),
    "rubbish": lambda _: "rubbish",
    "empty": lambda _: "",
    "not ASCII": lambda _: "ä.ö.ü",
}


def refused_without_a_trace(world: World, visitor: Visitor, person: Person, made: str, title: str) -> None:
    before, asked = world.belongings(person.user_id), len(world.simulator.requests(contains=person.subscription_id))

    response = visitor.open(made)

    assert (response.status_code, visitor.title) == (401, title)
    assert response.headers["content-type"].startswith("text/html")
    assert "set-cookie" not in response.headers
    assert world.belongings(person.user_id) == before
    assert len(world.simulator.requests(contains=person.subscription_id)) == asked


@pytest.fixture(scope="module")
def somebody(world: World) -> Person:
    return world.person("professional")


@pytest.mark.parametrize("what", INVALID)
def test_an_invalid_token_is_refused_without_saying_why(
    world: World, visitor: Visitor, somebody: Person, what: str
) -> None:
    refused_without_a_trace(world, visitor, somebody, INVALID[what](somebody), "This link is not valid")
    assert "open the cancel link in your account again." in visitor.text


def test_a_long_url_that_arrives_in_pieces_gets_the_page(world: World) -> None:
    url = httpx.URL(world.addresses["http"])
    sent = f"GET /cancel?token={'x' * 50_000} HTTP/1.1\r\nHost: {url.host}\r\nConnection: close\r\n\r\n".encode()
    with socket.create_connection((url.host, url.port or 80), timeout=AT_MOST_SECONDS) as connection:
        for start in range(0, len(sent), 1000):
            connection.sendall(sent[start : start + 1000])
        received = connection.makefile("rb").read()
    assert received.startswith(b"HTTP/1.1 401 ")
    assert b"This link is not valid" in received


def test_an_expired_token_is_refused_and_says_so(world: World, visitor: Visitor, somebody: Person) -> None:
    refused_without_a_trace(world, visitor, somebody, token(somebody, exp=in_seconds(-1)), "This link has expired")


def test_an_expired_token_with_another_secret_is_only_invalid(world: World, visitor: Visitor, somebody: Person) -> None:
    made = token(somebody, key=(signing_key()[0], OLD[1]), exp=in_seconds(-1))
    refused_without_a_trace(world, visitor, somebody, made, "This link is not valid")


def test_without_token_and_session_nothing_is_shown(visitor: Visitor) -> None:
    assert visitor.reload().status_code == 401
    assert visitor.title == NEVER_OPENED
    assert visitor.press("cancel").status_code == 401
    assert visitor.title == NEVER_OPENED


def test_another_customers_subscription_is_not_shown_and_not_changed(world: World, visitor: Visitor) -> None:
    person, other = world.person("starter"), world.person("enterprise")
    theirs = world.belongings(other.user_id)
    asked = len(world.simulator.requests(contains=other.subscription_id))

    visitor.open(token(person, subscriptionId=other.subscription_id))

    assert visitor.title == "You have no active subscription"
    assert "Enterprise" not in visitor.page.text
    assert visitor.press("cancel").status_code == 401
    assert sessions_of(world, person) == sessions_of(world, other) == []
    assert world.belongings(other.user_id) == theirs
    assert len(world.simulator.requests(contains=other.subscription_id)) == asked


def test_a_session_stays_with_the_subscription_of_its_token(world: World, visitor: Visitor) -> None:
    person, other = world.person("two_subscriptions"), world.person("starter")
    first, second = person.subscription_ids
    visitor.open(token(person, subscriptionId=first))

    for wanted in (second, other.subscription_id):
        visitor.press("choose", subscription=wanted)
        assert sessions_of(world, person)[0]["subscription_id"] == first
    visitor.reload()
    visitor.press("cancel")

    assert world.stripe.subscriptions.retrieve(first).cancel_at_period_end
    for untouched in (second, other.subscription_id):
        assert not world.stripe.subscriptions.retrieve(untouched).cancel_at_period_end


def test_a_token_opens_one_session(world: World, visitor: Visitor) -> None:
    person = world.person("professional")
    made = token(person)
    visitor.open(made)
    visitor.press("next", reason="too_expensive")
    shown = visitor.title

    with Visitor(world) as other:
        assert other.open(made).status_code == 409
        assert other.title == "This link was used before"
        assert other.reload().status_code == 401
    assert visitor.open(made).status_code == 200
    assert visitor.title == shown
    assert len(sessions_of(world, person)) == 1


def test_a_token_that_is_used_twice_at_the_same_time_opens_one_session(world: World) -> None:
    person = world.person("professional")
    made = token(person)
    with Visitor(world) as one, Visitor(world) as two:
        opened = concurrently(lambda: one.open(made), lambda: two.open(made))

    assert sorted(each.status_code for each in opened) == [200, 409]
    [session] = sessions_of(world, person)
    [used] = world.rows("SELECT * FROM session_tokens WHERE user_id = %s", person.user_id)
    assert used["session_id"] == session["id"]


def test_a_new_token_in_the_same_browser_continues_the_session(world: World, visitor: Visitor) -> None:
    person = world.person("professional")
    visitor.open(token(person))
    visitor.press("next", reason="too_expensive")
    shown = visitor.title
    visitor.open(token(person, exp=in_seconds(-1)))
    assert visitor.title == "This link has expired"

    visitor.open(token(person))

    assert visitor.title == shown
    [session] = sessions_of(world, person)
    assert ("resumed", {}) in path_of(world, person)
    tokens = world.rows("SELECT session_id FROM session_tokens WHERE user_id = %s", person.user_id)
    assert [each["session_id"] for each in tokens] == [session["id"]] * 2


def test_a_token_for_somebody_else_in_the_same_browser_opens_their_own_session(world: World, visitor: Visitor) -> None:
    person, other = world.person("professional"), world.person("starter")
    visitor.open(token(person))
    visitor.press("next", reason="too_expensive")
    visitor.open(token(other))

    assert visitor.title == "What's your main reason for cancelling?"
    visitor.press("cancel")
    assert world.stripe.subscriptions.retrieve(other.subscription_id).cancel_at_period_end
    assert not world.stripe.subscriptions.retrieve(person.subscription_id).cancel_at_period_end


def test_a_customer_of_stripes_opens_their_users_session(world: World, visitor: Visitor) -> None:
    person = world.person("professional")
    customer = str(world.stripe.subscriptions.retrieve(person.subscription_id).customer)

    visitor.open(token(person, sub=None, customerId=customer))

    assert visitor.page.status_code == 200
    assert len(sessions_of(world, person)) == 1
    assert visitor.open(token(person, sub=None, customerId="cus_of_nobody")).status_code == 200
    assert visitor.title == "You have no active subscription"


def test_a_users_id_may_be_a_number(world: World, visitor: Visitor, somebody: Person) -> None:
    visitor.open(token(somebody, sub=4711))
    assert visitor.title == "You have no active subscription"


# With other keys


@pytest.fixture
def elsewhere(tmp_path: Path) -> Callable[..., Any]:
    """Return a trigger with other keys."""
    return lambda **settings: serving(tmp_path, **{"SESSION_SECRETS": "", **settings})


def status_of(world: World, http: httpx.Client, made: str) -> int:
    with Visitor(world, str(http.base_url)) as visitor:
        return visitor.open(made).status_code


@pytest.mark.slow
def test_a_secret_is_rotated(world: World, elsewhere: Callable[..., Any]) -> None:
    person = world.person("professional")
    without_key_id = jwt.encode(jwt.decode(token(person), options={"verify_signature": False}), OLD[1])
    with elsewhere(SESSION_SECRETS=both(), SESSION_REFRESH_URL="https://shop.example.com/cancel") as http:
        assert status_of(world, http, token(person, key=OLD)) == 200
        assert status_of(world, http, token(person, key=NEW)) == 200
        assert status_of(world, http, token(person, key=(OLD[0], NEW[1]))) == 401
        assert status_of(world, http, without_key_id) == 401
        with Visitor(world, str(http.base_url)) as visitor:
            visitor.open(token(person, key=NEW, exp=in_seconds(-1)))
            assert 'href="https://shop.example.com/cancel"' in visitor.page.text
    with elsewhere(SESSION_SECRETS=":".join(NEW)) as http:
        assert status_of(world, http, token(person, key=OLD)) == 401
        assert status_of(world, http, token(person, key=NEW)) == 200
        claims = jwt.decode(token(person), options={"verify_signature": False})
        assert status_of(world, http, jwt.encode(claims, NEW[1])) == 200  # the only one needs no id


@pytest.mark.slow
def test_a_companys_own_key_set(world: World, elsewhere: Callable[..., Any]) -> None:
    person, key = world.person("professional"), Ed25519PrivateKey.generate()

    def made(signed_with: Any = key, algorithm: str = "EdDSA", key_id: str = "ours") -> str:
        claims = jwt.decode(token(person), options={"verify_signature": False}) | {"jti": str(uuid.uuid4())}
        return jwt.encode(claims, signed_with, algorithm=algorithm, headers={"kid": key_id})

    with provider() as served, elsewhere(SESSION_JWKS_URL=served.url) as http:
        served.status = 500
        with Visitor(world, str(http.base_url)) as visitor:
            assert visitor.open(made()).status_code == 503
            assert visitor.title == "Try again in a moment"
        served.status = 200
        served.offer(jwk(key, "ours", "EdDSA"))
        assert status_of(world, http, made()) == 200
        assert status_of(world, http, made(Ed25519PrivateKey.generate())) == 401
        public = jwk(key, "ours", "EdDSA")["x"]
        assert status_of(world, http, made(public, "HS256")) == 401
        assert status_of(world, http, token(person)) == 401


@pytest.mark.slow
def test_without_keys_there_is_no_page(world: World, elsewhere: Callable[..., Any]) -> None:
    person = world.person("professional")
    made = token(person)
    with elsewhere(CANCEL_WITHOUT_LOGIN="") as http:
        assert http.get("/cancel", params={"token": made}).status_code == 404
