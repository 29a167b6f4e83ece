"""Stripe's webhook endpoint: problems are found, and `--fix` repairs them once."""

from typing import Any

import pytest
import stripe

from deployments.doctor.finding import Level
from nodes.clients.webhooks import STRIPE_EVENTS
from tests.contract.stripe.process import Simulator
from tests.doctor.conftest import assert_bad, assert_ok, fixed, found

# The Stripe SDK triggers this httpx deprecation warning.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload raw bytes:DeprecationWarning")
Account = dict[str, str | None]
PART = "Stripe's webhooks"
CHECKS = ("endpoint", "events", "API version", "signing secret")


def endpoints(simulator: Simulator) -> list[stripe.WebhookEndpoint]:
    return simulator.client.v1.webhook_endpoints.list().data


def url_of(account: Account) -> str:
    return f"{account['PUBLIC_URL']}/webhooks/stripe"


def make(simulator: Simulator, account: Account, **changed: Any) -> str:
    """Create the endpoint as it should be, except for what is changed."""
    right: dict[str, Any] = {"enabled_events": STRIPE_EVENTS, "api_version": stripe.api_version, **changed}
    params = {name: value for name, value in right.items() if value is not None}
    params["enabled_events"] = list(params["enabled_events"])
    return str(simulator.client.v1.webhook_endpoints.create({"url": url_of(account), **params}).id)  # type: ignore[typeddict-item]


def test_a_correct_endpoint_passes(simulator: Simulator, account: Account) -> None:
    made = make(simulator, account)
    findings = found(PART, **account)
    assert_ok(findings, *CHECKS)
    assert made in findings["endpoint"].found


def test_an_endpoint_that_receives_every_event_passes(simulator: Simulator, account: Account) -> None:
    make(simulator, account, enabled_events=["*"])
    assert_ok(found(PART, **account), *CHECKS)


def test_a_missing_endpoint_fails(simulator: Simulator, account: Account) -> None:
    simulator.client.v1.webhook_endpoints.create({"url": "https://example.com/other", "enabled_events": ["*"]})
    finding = found(PART, **account)["endpoint"]
    assert_bad(finding, Level.FAILED, f"none for {url_of(account)}")
    assert "--fix" in finding.to_do


def test_a_disabled_endpoint_fails_and_is_fixed(simulator: Simulator, account: Account) -> None:
    made = make(simulator, account)
    simulator.client.v1.webhook_endpoints.update(made, {"disabled": True})
    assert_bad(found(PART, **account)["endpoint"], Level.FAILED, f"{made} is disabled")
    assert_ok(fixed(PART, **account), *CHECKS)
    assert [(each.id, each.status) for each in endpoints(simulator)] == [(made, "enabled")]


def test_missing_events_fail_and_are_fixed(simulator: Simulator, account: Account) -> None:
    made = make(simulator, account, enabled_events=[*STRIPE_EVENTS[1:], "invoice.paid"])
    finding = found(PART, **account)["events"]
    assert_bad(finding, Level.FAILED, f"not sent: {STRIPE_EVENTS[0]}")
    assert_ok(fixed(PART, **account), *CHECKS)
    [after] = endpoints(simulator)
    assert (after.id, set(after.enabled_events)) == (made, {*STRIPE_EVENTS, "invoice.paid"})


@pytest.mark.parametrize(("version", "level"), [("2020-08-27", Level.FAILED), (None, Level.WARNING)])
def test_another_api_version_is_reported_and_fixed(
    simulator: Simulator, account: Account, version: str | None, level: Level
) -> None:
    old = make(simulator, account, api_version=version)
    assert_bad(found(PART, **account)["API version"], level, version or "the account's default")
    after_it = fixed(PART, **account)
    assert {name for name, each in after_it.items() if each.level is not Level.OK} == {"signing secret"}
    after = {each.id: each for each in endpoints(simulator)}
    assert after.pop(old).status == "disabled"
    [new] = after.values()
    assert (new.status, new.api_version, new.url) == ("enabled", stripe.api_version, url_of(account))


def test_two_endpoints_for_the_same_address_are_a_warning_and_fixed(simulator: Simulator, account: Account) -> None:
    made = {make(simulator, account), make(simulator, account)}
    finding = found(PART, **account)["endpoint"]
    assert finding.level is Level.WARNING
    assert all(each in finding.found for each in made)
    assert_ok(fixed(PART, **account), *CHECKS)
    assert sorted(str(each.status) for each in endpoints(simulator)) == ["disabled", "enabled"]


def test_a_fix_creates_a_missing_endpoint_once(simulator: Simulator, account: Account) -> None:
    first = fixed(PART, **account)
    assert_bad(first["signing secret"], Level.FAILED, "created just now")
    [made] = endpoints(simulator)
    assert (set(made.enabled_events), made.api_version) == (set(STRIPE_EVENTS), stripe.api_version)
    secret = first["signing secret"].secret
    assert secret is not None
    assert secret.startswith("whsec_")
    assert secret not in repr(first)
    again = fixed(PART, **{**account, "STRIPE_WEBHOOK_SECRETS": secret})
    assert_ok(again, *CHECKS)
    assert endpoints(simulator) == [made]


def test_the_printed_secret_is_the_endpoints(simulator: Simulator, account: Account) -> None:
    secret = fixed(PART, **account)["signing secret"].secret
    simulator.client.v1.customers.create({"name": "Nobody"})
    [made] = endpoints(simulator)
    rotated = simulator.order("webhooks/rotate", endpoint=made.id)["secrets"]
    assert secret in rotated


@pytest.mark.parametrize(
    ("secrets", "level", "says"),
    [(None, Level.FAILED, "is not set"), ("hunter2", Level.WARNING, "does not begin with whsec_")],
)
def test_a_missing_or_invalid_signing_secret_is_reported(
    simulator: Simulator, account: Account, secrets: str | None, level: Level, says: str
) -> None:
    make(simulator, account)
    finding = found(PART, **{**account, "STRIPE_WEBHOOK_SECRETS": secrets})["signing secret"]
    assert_bad(finding, level, says)
    assert "hunter2" not in str(finding)


def test_a_key_without_write_permission_cannot_fix(simulator: Simulator, account: Account) -> None:
    simulator.order("keys", key="rk_test_reader", permissions={"webhook_endpoints": "read"})
    findings = fixed(PART, **{**account, "STRIPE_API_KEY": "rk_test_reader"})
    assert_bad(findings["response"], Level.FAILED, "PermissionError 403")
    assert endpoints(simulator) == []
