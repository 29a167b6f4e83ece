"""A lease is held only while its run lives."""

import asyncio

import pytest

from nodes.errors import DatabaseUnavailable
from nodes.requests import lease
from nodes.requests.lease import leased


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "RENEW_EVERY_SECONDS", 0.001)


def test_a_lease_is_renewed_until_its_run_ends_even_if_a_renewal_fails() -> None:
    renewed = 0

    async def run() -> int:
        thrice = asyncio.Event()

        async def renew() -> None:
            nonlocal renewed
            renewed += 1
            if renewed == 3:
                thrice.set()
            raise DatabaseUnavailable("away")

        async with leased(renew):
            await thrice.wait()
        by_then = renewed
        await _all_other_tasks_ended()
        return by_then

    assert asyncio.run(run()) == renewed


def test_a_hanging_renewal_that_hides_its_cancellation_ends_with_the_lease() -> None:
    renewed = 0

    async def run() -> None:
        hangs = asyncio.Event()

        async def renew() -> None:
            nonlocal renewed
            renewed += 1
            hangs.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                if renewed > 1:
                    raise
                raise DatabaseUnavailable("away") from None

        async with leased(renew):
            await hangs.wait()
        await _all_other_tasks_ended()

    asyncio.run(run())

    assert renewed == 1


async def _all_other_tasks_ended() -> None:
    """Wait for all other tasks; raises TimeoutError if one continues."""
    if others := asyncio.all_tasks() - {asyncio.current_task()}:
        async with asyncio.timeout(10):
            await asyncio.wait(others)
