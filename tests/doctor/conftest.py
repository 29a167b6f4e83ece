"""A separate Stripe account, and a part's findings by check."""

import asyncio
from collections.abc import Iterator
from uuid import uuid4

import pytest

from deployments.doctor.examination import examine
from deployments.doctor.finding import Finding, Level
from deployments.doctor.parts import parts
from tests.conftest import Addresses
from tests.contract.stripe.process import Simulator
from tests.contract.stripe.shop import Shop
from tests.test_command_line import environment, prefect_as_named

Found = dict[str, Finding]


async def examined(part: str, /, **settings: str | None) -> Found:
    """Return a part's findings with these settings over the stack's; None unsets one."""
    return await _examined(part, settings, fix=False)


def found(part: str, /, **settings: str | None) -> Found:
    """Return the same, for a test that has no event loop."""
    return asyncio.run(_examined(part, settings, fix=False))


def fixed(part: str, /, **settings: str | None) -> Found:
    """Return the same, with `--fix`."""
    return asyncio.run(_examined(part, settings, fix=True))


async def _examined(part: str, settings: dict[str, str | None], *, fix: bool) -> Found:
    with environment(**settings), prefect_as_named():
        [wanted] = [each for each in parts(fix=fix) if each.name == part]
        results = await examine([wanted])
    return {each.check: each for each in results[part]}


def assert_ok(findings: Found, *checks: str) -> None:
    """Check that exactly these checks ran, and passed."""
    assert findings.keys() == set(checks)
    assert [each for each in findings.values() if each.level is not Level.OK] == []


def assert_bad(finding: Finding, level: Level, says: str) -> None:
    """Check that the finding reports the problem and what to do."""
    assert (finding.level, says in finding.found) == (level, True), finding
    assert finding.to_do


@pytest.fixture(scope="module")
def simulator(stack: Addresses) -> Iterator[Simulator]:
    """Yield an empty account, whose clock and webhook endpoints belong to the test."""
    assert stack["http"]
    simulator = Simulator(None)
    try:
        simulator.start()
        yield simulator
    finally:
        simulator.close()


@pytest.fixture
def account(simulator: Simulator) -> Iterator[dict[str, str | None]]:
    """Yield the settings for the account, without webhook endpoints."""
    for endpoint in simulator.client.v1.webhook_endpoints.list().data:
        simulator.client.v1.webhook_endpoints.delete(endpoint.id)
    yield {
        "STRIPE_API_KEY": "sk_test_of_the_test",
        "STRIPE_API_BASE": simulator.url,
        "PUBLIC_URL": f"https://billing-{uuid4().hex[:8]}.example.com/leave",
    }
    simulator.control("DELETE", "faults")
    simulator.move_clock(reset=True)


@pytest.fixture(scope="module")
def shop(simulator: Simulator) -> Shop:
    return Shop(simulator.client)
