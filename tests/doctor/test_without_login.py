"""The page without a login: on or off, and whether clients behind a proxy can be told apart."""

import pytest

from deployments.doctor.finding import Level
from tests.doctor.conftest import assert_bad, assert_ok, found

PART = "Without login"
HTTPS = {"CANCEL_WITHOUT_LOGIN": "true", "PUBLIC_URL": "https://billing.example.com/app/"}

pytestmark = pytest.mark.usefixtures("stack")


def test_the_page_may_be_off() -> None:
    findings = found(PART, CANCEL_WITHOUT_LOGIN=None)
    assert_ok(findings, "page")
    assert findings["page"].found.startswith("off")


def test_its_address_is_shown() -> None:
    findings = found(PART, **HTTPS, TRUSTED_PROXIES="10.0.0.0/24")
    assert_ok(findings, "page", "proxies")
    assert findings["page"].found == "https://billing.example.com/app/cancel-without-login"


def test_a_proxy_that_is_not_named_is_warned_of() -> None:
    assert_bad(found(PART, **HTTPS)["proxies"], Level.WARNING, "all customers count as one client")


def test_a_wrong_proxy_is_a_wrong_setting() -> None:
    finding = found(PART, **HTTPS, TRUSTED_PROXIES="*")["settings"]
    assert finding.of_settings
    assert "TRUSTED_PROXIES must be addresses" in finding.found
