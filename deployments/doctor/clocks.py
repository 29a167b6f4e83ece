"""Comparison of the clocks of Stripe, PostgreSQL and this machine, which all three act on a cancellation's date."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime

from deployments.doctor.finding import Finding, Findings, failed, ok, warning
from deployments.doctor.stripe.opened import opened
from nodes.clients.database.setup import inspecting
from nodes.errors import CancelflowError
from nodes.settings import BillingSettings, DatabaseSettings, load

WITHIN_SECONDS = 5.0


async def examine() -> Findings:
    """Check each pair. An unreachable part is reported by its own check; here its clock is not measured."""
    stripe, database = await asyncio.gather(_measured(_stripe), _measured(_postgresql))
    ahead = {"Stripe": stripe, "PostgreSQL": database}
    for name in (name for name, seconds in ahead.items() if seconds is None):
        yield warning("clocks", f"{name}'s is not measured, as it is not reachable", f"Fix {name} first")
    known = {name: seconds for name, seconds in ahead.items() if seconds is not None}
    if known:
        yield _of_clocks(known)


def _of_clocks(ahead: dict[str, float]) -> Finding:
    found = ", ".join(f"{name} {seconds:+.1f} s" for name, seconds in ahead.items()) + " from this machine's clock"
    clocks = [0.0, *ahead.values()]
    if max(clocks) - min(clocks) > WITHIN_SECONDS:
        to_do = f"Let NTP set the clock that differs; all must be within {WITHIN_SECONDS:g} s"
        return failed("clocks", found, to_do)
    return ok("clocks", found)


async def _measured(read: Callable[[], Awaitable[float]]) -> float | None:
    with suppress(CancelflowError):
        return await read()
    return None


async def _stripe() -> float:
    async with opened(load(BillingSettings)) as stripe:
        await stripe.time()  # connects first, as connecting would distort the round trip
        return await _ahead(stripe.time)


async def _postgresql() -> float:
    async with inspecting(load(DatabaseSettings).database_url.get_secret_value()) as setup:
        return await _ahead(setup.time)


async def _ahead(read: Callable[[], Awaitable[datetime]]) -> float:
    """Return by how many seconds the clock is ahead of this machine's, at the middle of the round trip."""
    asked = datetime.now(UTC)
    told = await read()
    answered = datetime.now(UTC)
    return (told - (asked + (answered - asked) / 2)).total_seconds()
