"""Authentication: only a token signed with a trusted key, for us, with a user's id (FEATURES W27, W28)."""

import asyncio
import base64
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, x25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from deployments.http import key_set as module
from deployments.http.identity import Identity, Unauthenticated
from deployments.http.key_set import IdentityProviderUnavailable
from deployments.tokens import token as made_by_us
from nodes.errors import SettingsInvalid
from nodes.settings import IdentitySettings
from tests.http.key_sets import Key, Provider, jwk, private_pem, provider, public_pem
from tests.nodes.clients.smtp_servers import black_hole
from tests.ports import free_port
from tests.user_ids import USER_IDS

ISSUER, AUDIENCE = "https://issuer.example.com", "cancelflow"
SECRET = "a-secret-of-at-least-sixty-four-characters-for-each-of-hs256-to-hs512"
USER = "auth0|5f7c8ec7c33c6c004bbafe82"

RSA = rsa.generate_private_key(65537, 2048)
OTHER_RSA = rsa.generate_private_key(65537, 2048)
EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()
WRONG_IDS: list[object] = [None, "", "x" * 256, "a\0b", "\ud800", 1.5, True, 10**255, ["42"], {"id": "42"}]
KEYS: dict[str, Key] = {
    "RS256": RSA,
    "PS256": RSA,
    "RS512": RSA,
    "ES256": EC,
    "ES384": ec.generate_private_key(ec.SECP384R1()),
    "EdDSA": ED,
}


@pytest.fixture(autouse=True)
def without_keys_in_the_environment() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("JWT_")]:
            patch.delenv(name)
        yield


@pytest.fixture
def served() -> Iterator[Provider]:
    with provider() as running:
        yield running


def identity(**source: Any) -> Identity:
    return Identity(settings(**source))


def settings(**source: Any) -> IdentitySettings:
    return IdentitySettings.model_validate({"jwt_issuer": ISSUER, "jwt_audience": AUDIENCE, **source})


def claims(**other: Any) -> dict[str, Any]:
    """Return a valid token's claims, with changes; None omits one."""
    whole = {"sub": USER, "iss": ISSUER, "aud": AUDIENCE, "exp": datetime.now(UTC) + timedelta(hours=1), **other}
    return {name: value for name, value in whole.items() if value is not None}


def signed(key: Key | str = RSA, algorithm: str = "RS256", kid: str | None = None, **other: Any) -> str:
    """Return a signed token. PyJWT refuses to sign with a public key as a secret, so that case is signed by hand."""
    return jwt.encode(claims(**other), key, algorithm, headers={"kid": kid} if kid else None)


def caller(identity: Identity, token: str, scheme: str = "Bearer") -> str:
    return asyncio.run(identity.caller(f"{scheme} {token}"))


def refusal(identity: Identity, authorization: str | None) -> str:
    with pytest.raises(Unauthenticated) as caught:
        asyncio.run(identity.caller(authorization))
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return str(caught.value)


def by_rsa() -> Identity:
    return identity(jwt_public_key=public_pem(RSA))


NOT_VALID = "The token is not valid here"
NO_TOKEN = "Send a token: Authorization: Bearer …"


# Valid tokens


@pytest.mark.parametrize("algorithm", KEYS)
def test_a_token_verified_by_the_public_key_identifies_its_user(algorithm: str) -> None:
    key = KEYS[algorithm]
    assert caller(identity(jwt_public_key=public_pem(key)), signed(key, algorithm)) == USER


def test_a_token_verified_by_the_secret_identifies_its_user() -> None:
    assert caller(identity(jwt_secret=SECRET), signed(SECRET, "HS256")) == USER


@pytest.mark.parametrize("user_id", USER_IDS)
@pytest.mark.parametrize("claim", ["sub", "https://example.com/user_id"])
def test_any_string_can_be_a_user_id(claim: str, user_id: str) -> None:
    keys = {"jwt_public_key": public_pem(ED), "jwt_private_key": private_pem(ED), "jwt_user_claim": claim}
    made = made_by_us(settings(**keys), user_id)
    assert caller(identity(**keys), made) == user_id
    assert jwt.decode(made, options={"verify_signature": False})["sub"] == user_id


@pytest.mark.parametrize(("number", "user_id"), [(42, "42"), (0, "0"), (-1, "-1"), (10**254, "1" + "0" * 254)])
def test_an_integer_user_id_becomes_a_decimal_string(number: int, user_id: str) -> None:
    assert caller(by_rsa(), signed(sub=number)) == user_id


def test_the_configured_claim_takes_precedence_over_the_subject() -> None:
    naming = identity(jwt_public_key=public_pem(RSA), jwt_user_claim="customer")
    assert caller(naming, signed(sub="somebody", customer="cus_1")) == "cus_1"
    assert caller(naming, signed(sub=None, customer="cus_1")) == "cus_1"


@pytest.mark.parametrize("scheme", ["bearer", "BEARER"])
def test_the_scheme_is_case_insensitive(scheme: str) -> None:
    assert caller(by_rsa(), signed(), scheme) == USER


def test_one_of_several_audiences_is_enough() -> None:
    assert caller(by_rsa(), signed(aud=["billing", AUDIENCE])) == USER


def test_a_token_issued_in_the_future_is_accepted() -> None:
    assert caller(by_rsa(), signed(iat=datetime.now(UTC) + timedelta(minutes=5))) == USER


@pytest.mark.parametrize("key", [RSA, EC, ED, KEYS["ES384"]], ids=["RSA", "P-256", "Ed25519", "P-384"])
def test_our_own_tokens_are_valid(key: Key) -> None:
    keys = {"jwt_public_key": public_pem(key), "jwt_private_key": private_pem(key)}
    assert caller(identity(**keys), made_by_us(settings(**keys), USER)) == USER


# No token


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", "Bearer    ", f"Basic {signed()}", f"Token {signed()}", signed(), "bearer:x"],
    ids=range(9),
)
def test_a_missing_token_is_requested(authorization: str | None) -> None:
    assert refusal(by_rsa(), authorization) == NO_TOKEN


# Invalid tokens


@pytest.mark.parametrize(
    "wrong",
    [
        {"aud": "another"},
        {"aud": ["another"]},
        {"aud": None},
        {"iss": "https://another.example.com"},
        {"iss": ISSUER + "/"},
        {"iss": None},
        {"exp": None},
        {"nbf": datetime(2100, 1, 1, tzinfo=UTC)},
    ],
    ids=lambda wrong: " ".join(f"{name}={value}"[:40] for name, value in wrong.items()),
)
def test_a_token_for_another_service_or_without_a_claim_is_refused(wrong: dict[str, Any]) -> None:
    assert refusal(by_rsa(), f"Bearer {signed(**wrong)}") == NOT_VALID


def test_an_expired_token_is_refused_as_expired() -> None:
    expired = signed(exp=datetime.now(UTC) - timedelta(seconds=1))
    assert refusal(by_rsa(), f"Bearer {expired}") == "The token has expired"


def test_a_forged_token_is_not_reported_as_expired() -> None:
    forged = signed(OTHER_RSA, exp=datetime.now(UTC) - timedelta(hours=1))
    assert refusal(by_rsa(), f"Bearer {forged}") == NOT_VALID


@pytest.mark.parametrize("wrong", WRONG_IDS, ids=range(len(WRONG_IDS)))
@pytest.mark.parametrize("claim", ["sub", "https://example.com/user_id"])
def test_an_invalid_user_id_is_refused_and_not_repeated(claim: str, wrong: object) -> None:
    naming = identity(jwt_public_key=public_pem(RSA), jwt_user_claim=claim)
    other: dict[str, Any] = {claim: wrong}
    refused = refusal(naming, f"Bearer {signed(**other)}")
    assert refused == (
        f"The token's user id is not valid: its claim {claim} must be a string of 1 to 255 characters, or an integer"
    )


def unsigned(algorithm: str, **headers: Any) -> str:
    parts = ({"alg": algorithm, "typ": "JWT", **headers}, {**claims(), "exp": 4_000_000_000})
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts) + "."


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", ""])
@pytest.mark.parametrize(
    "source",
    [{"jwt_public_key": public_pem(RSA)}, {"jwt_public_key": public_pem(ED)}, {"jwt_secret": SECRET}],
    ids=["RSA", "Ed25519", "secret"],
)
def test_an_unsigned_token_is_refused(algorithm: str, source: dict[str, str]) -> None:
    assert refusal(identity(**source), f"Bearer {unsigned(algorithm)}") == NOT_VALID


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
@pytest.mark.parametrize("key", [RSA, EC, ED], ids=["RSA", "EC", "Ed25519"])
def test_a_public_key_is_not_accepted_as_a_secret(key: Key, algorithm: str) -> None:
    """Otherwise anyone who knows the public key could sign."""
    message = unsigned(algorithm).rstrip(".")
    hmac = jwt.algorithms.HMACAlgorithm(getattr(jwt.algorithms.HMACAlgorithm, algorithm.replace("HS", "SHA")))
    for secret in (public_pem(key), public_pem(key).strip()):
        signature = base64.urlsafe_b64encode(hmac.sign(message.encode(), secret.encode())).decode().rstrip("=")
        assert refusal(identity(jwt_public_key=public_pem(key)), f"Bearer {message}.{signature}") == NOT_VALID


@pytest.mark.parametrize(
    ("key", "algorithm"), [(RSA, "RS256"), (EC, "ES256"), (ED, "EdDSA"), (SECRET, "HS384"), (SECRET, "HS512")]
)
def test_a_secret_accepts_only_hs256(key: Key | str, algorithm: str) -> None:
    assert refusal(identity(jwt_secret=SECRET), f"Bearer {signed(key, algorithm)}") == NOT_VALID


@pytest.mark.parametrize("held", ["RS256", "ES256", "EdDSA"])
@pytest.mark.parametrize("sent", ["RS256", "ES256", "EdDSA"])
def test_a_key_accepts_only_its_own_tokens(held: str, sent: str) -> None:
    token = signed(OTHER_RSA if sent == "RS256" else ec_or_ed(sent), sent)
    assert refusal(identity(jwt_public_key=public_pem(KEYS[held])), f"Bearer {token}") == NOT_VALID


def ec_or_ed(algorithm: str) -> Key:
    return ec.generate_private_key(ec.SECP256R1()) if algorithm == "ES256" else ed25519.Ed25519PrivateKey.generate()


@pytest.mark.parametrize("position", range(3))
def test_an_altered_token_is_refused(position: int) -> None:
    parts = signed().split(".")
    middle = len(parts[position]) // 2
    parts[position] = (
        parts[position][:middle] + ("A" if parts[position][middle] != "A" else "B") + parts[position][middle + 1 :]
    )
    assert refusal(by_rsa(), f"Bearer {'.'.join(parts)}") == NOT_VALID


@pytest.mark.parametrize(
    "token",
    [
        "x",
        "a.b",
        "a.b.c",
        "a.b.c.d",
        "..",
        "ü.ü.ü",
        "\x00",
        "W10.W10.",
        "e30.e30.e30",
        "Wzo." * 3,
        f"{signed()} {signed()}",
    ],
    ids=range(11),
)
def test_a_malformed_token_is_refused(token: str) -> None:
    assert refusal(by_rsa(), f"Bearer {token}") == NOT_VALID


def test_a_deeply_nested_header_is_refused() -> None:
    deep = base64.urlsafe_b64encode(b'{"alg":' + b"[" * 20_000).decode().rstrip("=")
    assert refusal(by_rsa(), f"Bearer {deep}.e30.AAAA") == NOT_VALID


def test_an_invalid_public_key_is_an_invalid_setting() -> None:
    for wrong in ("hunter2", private_pem(RSA), "-----BEGIN PUBLIC KEY-----\nhunter2\n-----END PUBLIC KEY-----"):
        with pytest.raises(SettingsInvalid, match="JWT_PUBLIC_KEY is not a public key in PEM form") as caught:
            identity(jwt_public_key=wrong)
        assert "hunter2" not in str(caught.value)


def test_a_key_that_cannot_verify_tokens_is_an_invalid_setting() -> None:
    key = x25519.X25519PrivateKey.generate().public_key()
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    with pytest.raises(SettingsInvalid, match="JWT_PUBLIC_KEY is of a kind that signs no tokens"):
        identity(jwt_public_key=pem)


# A key set


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
def test_a_token_signed_with_a_key_in_the_set_identifies_its_user(served: Provider, algorithm: str) -> None:
    served.offer(jwk(OTHER_RSA, "another", "RS256"), jwk(KEYS[algorithm], "ours", algorithm))
    trusting = identity(jwt_jwks_url=served.url)
    assert caller(trusting, signed(KEYS[algorithm], algorithm, "ours")) == USER


def test_the_set_is_fetched_once_for_many_tokens(served: Provider) -> None:
    served.offer(jwk(RSA, "ours", "RS256"))
    trusting = identity(jwt_jwks_url=served.url)
    for _ in range(5):
        caller(trusting, signed(kid="ours"))
    assert served.asked == 1


def test_a_fetched_key_needs_no_thread(served: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    served.offer(jwk(RSA, "ours", "RS256"))
    trusting = identity(jwt_jwks_url=served.url)
    assert caller(trusting, signed(kid="ours")) == USER
    monkeypatch.setattr(asyncio, "to_thread", None)
    assert caller(trusting, signed(kid="ours")) == USER
    assert refusal(trusting, f"Bearer {signed(OTHER_RSA, kid='ours')}") == NOT_VALID


def test_a_key_that_is_not_in_the_set_is_refused(served: Provider) -> None:
    served.offer(jwk(RSA, "ours", "RS256"))
    trusting = identity(jwt_jwks_url=served.url)
    for token in (signed(OTHER_RSA, kid="unknown"), signed(OTHER_RSA, kid="ours"), signed(kid=None)):
        assert refusal(trusting, f"Bearer {token}") == NOT_VALID


def test_unsigned_and_hmac_tokens_are_refused_with_a_key_set(served: Provider) -> None:
    served.offer(jwk(RSA, "ours", "RS256"))
    trusting = identity(jwt_jwks_url=served.url)
    assert refusal(trusting, f"Bearer {unsigned('none', kid='ours')}") == NOT_VALID
    assert refusal(trusting, f"Bearer {signed(SECRET, 'HS256', 'ours')}") == NOT_VALID


def test_a_key_for_encryption_is_not_used_for_signatures(served: Provider) -> None:
    served.offer({**jwk(RSA, "ours", "RS256"), "use": "enc"}, jwk(EC, "another", "ES256"))
    assert refusal(identity(jwt_jwks_url=served.url), f"Bearer {signed(kid='ours')}") == NOT_VALID


def test_a_new_key_is_fetched_and_the_old_one_is_dropped(served: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "JWKS_COOLDOWN_SECONDS", 0)
    served.offer(jwk(RSA, "old", "RS256"))
    trusting = identity(jwt_jwks_url=served.url)
    assert caller(trusting, signed(kid="old")) == USER
    served.offer(jwk(EC, "new", "ES256"))
    assert caller(trusting, signed(EC, "ES256", "new")) == USER
    assert refusal(trusting, f"Bearer {signed(kid='old')}") == NOT_VALID


def test_unknown_key_ids_do_not_cause_further_fetches(served: Provider) -> None:
    served.offer(jwk(RSA, "ours", "RS256"))
    trusting = identity(jwt_jwks_url=served.url)
    for _ in range(5):
        refusal(trusting, f"Bearer {signed(OTHER_RSA, kid=uuid4().hex)}")
    assert served.asked == 1


def unavailable(trusting: Identity) -> None:
    with pytest.raises(IdentityProviderUnavailable, match="key set could not be fetched"):
        caller(trusting, signed(kid="ours"))


@pytest.mark.parametrize("status", [404, 500, 302])
def test_a_failing_provider_makes_authentication_unavailable(served: Provider, status: int) -> None:
    served.offer(jwk(RSA, "ours", "RS256"))
    served.status = status
    trusting = identity(jwt_jwks_url=served.url)
    unavailable(trusting)
    served.status = 200
    assert caller(trusting, signed(kid="ours")) == USER


@pytest.mark.parametrize("response", [b"", b"<html>", b"\xff\xfe", {"keys": []}, {"keys": "none"}, {}], ids=str)
def test_an_invalid_key_set_makes_authentication_unavailable(served: Provider, response: Any) -> None:
    served.response = response
    unavailable(identity(jwt_jwks_url=served.url))


def test_an_unreachable_provider_makes_authentication_unavailable() -> None:
    unavailable(identity(jwt_jwks_url=f"http://127.0.0.1:{free_port()}/keys"))


def test_a_provider_that_never_responds_times_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "JWKS_TIMEOUT_SECONDS", 0.3)
    with black_hole() as port:
        unavailable(identity(jwt_jwks_url=f"http://127.0.0.1:{port}/keys"))


def test_a_malformed_token_causes_no_fetch(served: Provider) -> None:
    trusting = identity(jwt_jwks_url=served.url)
    assert refusal(trusting, "Bearer rubbish") == NOT_VALID
    assert served.asked == 0
