"""The clocks of Stripe, PostgreSQL and this machine."""

import pytest

from deployments.doctor.finding import Level
from tests.contract.stripe.process import Simulator
from tests.doctor.conftest import assert_bad, assert_ok, found
from tests.ports import free_port

Account = dict[str, str | None]


def test_clocks_that_agree_pass(account: Account) -> None:
    assert_ok(found("Clocks", **account), "clocks")


@pytest.mark.parametrize("seconds", [-60, 60])
def test_a_clock_that_is_ahead_or_behind_fails(simulator: Simulator, account: Account, seconds: int) -> None:
    simulator.move_clock(advance=seconds)
    finding = found("Clocks", **account)["clocks"]
    assert_bad(finding, Level.FAILED, f"Stripe {'+' if seconds > 0 else '-'}")
    assert "PostgreSQL +0" in finding.found or "PostgreSQL -0" in finding.found


def test_a_restricted_key_is_enough_to_read_the_clock(simulator: Simulator, account: Account) -> None:
    simulator.order("keys", key="rk_test_nothing", permissions={})
    assert_ok(found("Clocks", **{**account, "STRIPE_API_KEY": "rk_test_nothing"}), "clocks")


def test_a_clock_that_cannot_be_measured_is_a_warning(account: Account) -> None:
    away = {**account, "STRIPE_API_BASE": f"http://127.0.0.1:{free_port()}", "DATABASE_URL": None}
    assert_bad(found("Clocks", **away)["clocks"], Level.WARNING, "is not measured")
