"""Pub/Sub, the mail server, the token issuer, and our public address."""

import asyncio
from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from deployments.doctor.finding import Level
from tests.conftest import Addresses
from tests.doctor.conftest import Found, assert_bad, assert_ok, examined, found
from tests.http.key_sets import Provider, jwk, provider, public_pem
from tests.nodes.clients.pubsub_server import Publisher, pubsub_server
from tests.nodes.clients.smtp_servers import USER, Inbox, black_hole, only_the_password, smtp_server
from tests.ports import free_port

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("stack"),
]
TOPIC = "projects/test/topics/billing-events"


@pytest.fixture
def served() -> Iterator[Provider]:
    with provider() as server:
        yield server


# Pub/Sub


def pubsub(publisher: Publisher) -> Found:
    async def scenario() -> Found:
        async with pubsub_server(publisher) as port:
            named = {"GOOGLE_CLOUD_PROJECT": "test", "PUBSUB_TOPIC": "billing-events"}
            return await examined("Pub/Sub", **named, PUBSUB_EMULATOR_HOST=f"127.0.0.1:{port}")

    return asyncio.run(scenario())


def test_a_topic_with_permission_to_publish_passes() -> None:
    publisher = Publisher({TOPIC}, granted={"pubsub.topics.publish"})
    assert_ok(pubsub(publisher), "topic", "permission")
    assert publisher.messages == []


def test_a_pubsub_that_does_not_report_permissions_passes() -> None:
    assert_ok(found("Pub/Sub"), "topic", "permission")
    assert "does not say" in pubsub(Publisher({TOPIC}))["permission"].found


def test_a_topic_without_permission_to_publish_fails() -> None:
    assert_bad(
        pubsub(Publisher({TOPIC}, granted=set()))["permission"], Level.FAILED, "publishing to it is not permitted"
    )


def test_a_missing_topic_fails() -> None:
    assert_bad(pubsub(Publisher())["response"], Level.FAILED, "NotFound")


def test_a_pubsub_that_never_responds_fails() -> None:
    with black_hole() as port:
        findings = found("Pub/Sub", PUBSUB_EMULATOR_HOST=f"127.0.0.1:{port}")
    assert_bad(findings["response"], Level.FAILED, "Pub/Sub did not respond in time")


# Mail

OURS = {"MAIL_FROM": "Billing <billing@example.com>", "REPLY_TO": "support@example.com"}


def test_a_mail_server_that_accepts_email_passes() -> None:
    assert_ok(found("Mail", **OURS), "sender", "replies", "server")


@pytest.mark.parametrize(
    ("setting", "check", "says"),
    [("MAIL_FROM", "sender", "billing@localhost"), ("REPLY_TO", "replies", "are never asked why")],
)
def test_an_unset_mail_setting_is_a_warning(setting: str, check: str, says: str) -> None:
    assert_bad(found("Mail", **{**OURS, setting: None})[check], Level.WARNING, says)


def test_a_mail_server_that_refuses_the_login_fails() -> None:
    async def scenario() -> Found:
        async with smtp_server(Inbox(), authenticator=only_the_password, auth_require_tls=False) as port:
            user = USER.replace("@", "%40")
            return await examined("Mail", **OURS, SMTP_URL=f"smtp://{user}:hunter2@127.0.0.1:{port}")

    findings = asyncio.run(scenario())
    assert_bad(findings["response"], Level.FAILED, "the mail server refused the login (535)")
    assert "hunter2" not in str(findings)


def test_an_unreachable_or_silent_mail_server_fails() -> None:
    assert_bad(
        found("Mail", SMTP_URL=f"smtp://127.0.0.1:{free_port()}")["response"], Level.FAILED, "could not be reached"
    )
    with black_hole() as port:
        findings = found("Mail", SMTP_URL=f"smtp://127.0.0.1:{port}")
    assert_bad(findings["response"], Level.FAILED, "the mail server did not respond in time")


# Identity


def identity(**key: str) -> Found:
    return found("Identity", **{"JWT_JWKS_URL": None, "JWT_PUBLIC_KEY": None, "JWT_SECRET": None, **key})


def test_a_key_set_with_a_key_passes(served: Provider) -> None:
    served.offer(jwk(Ed25519PrivateKey.generate(), "ours", "EdDSA"))
    findings = identity(JWT_JWKS_URL=served.url)
    assert_ok(findings, "tokens", "keys")
    assert findings["keys"].found == f"1 usable at {served.url}"


def test_a_key_set_without_a_usable_key_fails(served: Provider) -> None:
    served.offer({**jwk(Ed25519PrivateKey.generate(), "ours", "EdDSA"), "use": "enc"})
    assert_bad(identity(JWT_JWKS_URL=served.url)["response"], Level.FAILED, "No usable key at JWT_JWKS_URL")


@pytest.mark.parametrize("response", [b"<html>", {"keys": []}, {}], ids=str)
def test_an_invalid_key_set_fails(served: Provider, response: object) -> None:
    served.response = response
    assert_bad(identity(JWT_JWKS_URL=served.url)["response"], Level.FAILED, "No usable key at JWT_JWKS_URL")


def test_an_unreachable_or_silent_provider_fails() -> None:
    away = identity(JWT_JWKS_URL=f"http://127.0.0.1:{free_port()}/keys")
    assert_bad(away["response"], Level.FAILED, "No usable key at JWT_JWKS_URL")
    with black_hole() as port:
        silent = identity(JWT_JWKS_URL=f"http://127.0.0.1:{port}/keys")
    assert_bad(silent["response"], Level.FAILED, "No usable key at JWT_JWKS_URL")


def test_a_public_key_is_checked() -> None:
    assert_ok(identity(JWT_PUBLIC_KEY=public_pem(Ed25519PrivateKey.generate())), "tokens", "keys")
    wrong = identity(JWT_PUBLIC_KEY="hunter2")
    assert_bad(wrong["settings"], Level.FAILED, "JWT_PUBLIC_KEY is not a public key in PEM form")
    assert wrong["settings"].of_settings
    assert "hunter2" not in str(wrong)


def test_a_secrets_length_is_checked() -> None:
    assert_ok(identity(JWT_SECRET="x" * 32), "tokens", "keys")
    assert_bad(identity(JWT_SECRET="hunter2")["keys"], Level.WARNING, "less than 32 bytes")


# Public address


def test_an_address_at_which_we_respond_passes(stack: Addresses) -> None:
    findings = found("Public address")
    assert_ok(findings, "address", "response")
    assert findings["response"].found == f"cancelflow responds at {stack['http']}/healthz"


@pytest.mark.parametrize("response", [{"status": "ok"}, {"service": "another"}, b"<html>", b"\xff", []], ids=str)
def test_an_address_at_which_something_else_responds_fails(served: Provider, response: object) -> None:
    served.response = response
    finding = found("Public address", PUBLIC_URL=served.url.removesuffix("/keys"))["response"]
    assert_bad(finding, Level.FAILED, "responds 200, and is not cancelflow")


def test_an_address_at_which_nothing_responds_fails() -> None:
    away = found("Public address", PUBLIC_URL=f"http://127.0.0.1:{free_port()}")
    assert_bad(away["response"], Level.FAILED, "(ConnectError)")
    with black_hole() as port:
        silent = found("Public address", PUBLIC_URL=f"http://127.0.0.1:{port}")
    assert_bad(silent["response"], Level.FAILED, "within 3 s")


@pytest.mark.parametrize("url", ["http://billing.example.com", "https://localhost", "http://127.0.0.1:8000"])
def test_a_live_key_needs_https(url: str) -> None:
    live = {"STRIPE_API_KEY": "sk_live_hunter2", "STRIPE_API_BASE": None}
    assert_bad(found("Public address", **live, PUBLIC_URL=url)["address"], Level.FAILED, "with a live Stripe key")


def test_a_local_address_with_the_real_stripe_is_a_warning() -> None:
    test = {"STRIPE_API_KEY": "sk_test_hunter2", "STRIPE_API_BASE": None}
    finding = found("Public address", **test, PUBLIC_URL="http://127.0.0.1:8000")["address"]
    assert_bad(finding, Level.WARNING, "is this machine")
