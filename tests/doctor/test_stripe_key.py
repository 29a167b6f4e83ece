"""The Stripe key: valid, live or test, and with the permissions we need, checked without changing anything."""

from typing import Any
from uuid import uuid4

import pytest

from deployments.doctor.finding import Level
from tests.contract.stripe.process import Simulator
from tests.doctor.conftest import assert_bad, assert_ok, found
from tests.nodes.clients.smtp_servers import black_hole
from tests.ports import free_port

pytestmark = pytest.mark.slow

Account = dict[str, str | None]
ALL = {
    "account": "read",
    "balance": "read",
    "customers": "read",
    "products": "read",
    "prices": "read",
    "subscriptions": "write",
    "invoices": "write",
    "credit_notes": "write",
    "refunds": "read",
    "coupons": "write",
    "webhook_endpoints": "write",
}


def with_key(simulator: Simulator, account: Account, permissions: dict[str, Any]) -> Account:
    key = f"rk_test_{uuid4().hex}"
    simulator.order("keys", key=key, permissions=permissions)
    return {**account, "STRIPE_API_KEY": key}


def test_a_secret_key_in_test_mode_passes(account: Account) -> None:
    findings = found("Stripe", **account)
    assert_ok(findings, "key", "account", "permissions", "API version")
    assert findings["key"].found == "secret key, test mode: no money moves"
    assert findings["account"].found.startswith("Stripe simulator (acct_")
    assert "2026-10-28.endive" in findings["API version"].found


def test_the_check_changes_nothing(simulator: Simulator, account: Account) -> None:
    before = len(simulator.requests(method="POST"))
    assert_ok(found("Stripe", **account), "key", "account", "permissions", "API version")
    writes = simulator.requests(method="POST")[before:]
    assert len(writes) == 5
    assert {request["status"] for request in writes} == {404}


def test_a_restricted_key_with_all_needed_permissions_passes(simulator: Simulator, account: Account) -> None:
    findings = found("Stripe", **with_key(simulator, account, ALL))
    assert_ok(findings, "key", "account", "permissions", "API version")
    assert findings["key"].found.startswith("restricted key")


@pytest.mark.parametrize(
    ("resource", "less", "named"),
    [
        ("balance", None, "Balance: read (for"),
        ("customers", None, "Customers: read (for"),
        ("products", None, "Products: read (for"),
        ("prices", None, "Prices: read (for"),
        ("subscriptions", "read", "Subscriptions: write (for"),
        ("invoices", "read", "Invoices: write (for"),
        ("credit_notes", "read", "Credit notes: write (for"),
        ("coupons", "read", "Coupons: write (for"),
        ("webhook_endpoints", None, "Webhook endpoints: read (for"),
    ],
)
def test_a_missing_permission_is_named(
    simulator: Simulator, account: Account, resource: str, less: str | None, named: str
) -> None:
    granted = {name: level for name, level in {**ALL, resource: less}.items() if level}
    finding = found("Stripe", **with_key(simulator, account, granted))["permissions"]
    assert_bad(finding, Level.FAILED, named)
    assert len(finding.found.splitlines()) == 2


def test_every_missing_permission_is_named(simulator: Simulator, account: Account) -> None:
    finding = found("Stripe", **with_key(simulator, account, {"account": "read"}))["permissions"]
    assert len(finding.found.splitlines()) == 12


def test_a_key_that_cannot_write_endpoints_passes_with_a_note(simulator: Simulator, account: Account) -> None:
    findings = found("Stripe", **with_key(simulator, account, {**ALL, "webhook_endpoints": "read"}))
    assert_ok(findings, "key", "account", "permissions", "API version")
    assert "not Webhook endpoints: write (for doctor --fix)" in findings["permissions"].found


def test_a_key_that_cannot_read_its_account_is_a_warning(simulator: Simulator, account: Account) -> None:
    granted = {resource: level for resource, level in ALL.items() if resource != "account"}
    findings = found("Stripe", **with_key(simulator, account, granted))
    assert_bad(findings["account"], Level.WARNING, "may not read its account")
    assert findings["permissions"].level is Level.OK


@pytest.mark.parametrize(
    ("key", "says"),
    [
        ("sk_live_hunter2hunter2", "Stripe does not know this key"),
        ("pk_test_hunter2hunter2", "STRIPE_API_KEY is not a secret key"),
        ("hunter2", "STRIPE_API_KEY is not a secret key"),
    ],
)
def test_an_invalid_key_ends_the_check(account: Account, key: str, says: str) -> None:
    findings = found("Stripe", **{**account, "STRIPE_API_KEY": key})
    assert findings.keys() == {"key"}
    assert_bad(findings["key"], Level.FAILED, says)
    assert "hunter2" not in str(findings)


def test_a_live_key_is_reported_as_live(simulator: Simulator, account: Account) -> None:
    """The simulator accepts no live keys, so a fault makes it respond as if it knew one."""
    simulator.fault(kind="status", status=403, method="GET", path="/v1/account$")
    findings = found("Stripe", **{**account, "STRIPE_API_KEY": "sk_live_hunter2hunter2"})
    assert findings["key"].found == "secret key, live mode: real money moves"


def test_an_unreachable_stripe_fails(account: Account) -> None:
    findings = found("Stripe", **{**account, "STRIPE_API_BASE": f"http://127.0.0.1:{free_port()}"})
    assert_bad(findings["response"], Level.FAILED, "Stripe: APIConnectionError")


def test_a_stripe_that_never_responds_fails(account: Account) -> None:
    with black_hole() as port:
        findings = found("Stripe", **{**account, "STRIPE_API_BASE": f"http://127.0.0.1:{port}"})
    assert_bad(findings["response"], Level.FAILED, "Stripe did not respond in time")
