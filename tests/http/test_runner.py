"""Priorities when more requests arrive than can be carried out."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from deployments.http import runner as module
from deployments.http.runner import MAX_CONCURRENT_INTAKES, MAX_CONCURRENT_RUNS, Runner, run_context
from nodes.errors import DatabaseUnavailable
from nodes.services import open_services
from nodes.settings import TriggerSettings, load
from tests.world import World

FAR_SECONDS = 60.0
PAST = 0.0  # on the running loop's clock


def test_a_run_begins_once_all_who_came_are_received(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    happened = _told_of_runs(world, monkeypatch, give_way_seconds=FAR_SECONDS)

    async def many_come() -> None:
        async with _runner() as (runner, far), asyncio.TaskGroup() as coming, AsyncExitStack() as inside:
            for _ in range(MAX_CONCURRENT_INTAKES):
                await inside.enter_async_context(runner.receiving(far))
            for _ in range(MAX_CONCURRENT_INTAKES):
                coming.create_task(receive(runner, far))
            await asyncio.sleep(0)
            coming.create_task(runner.run(uuid.uuid4(), far))
            await asyncio.sleep(0)

    async def receive(runner: Runner, far: float) -> None:
        async with runner.receiving(far):
            happened.append("received")

    asyncio.run(many_come())

    assert happened == ["received"] * MAX_CONCURRENT_INTAKES + ["run"]


def test_a_stream_of_callers_that_never_ends_keeps_no_run_waiting(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    happened = _told_of_runs(world, monkeypatch, give_way_seconds=0.05)

    async def somebody_waits_for_ever() -> None:
        async with _runner() as (runner, far), AsyncExitStack() as inside:
            for _ in range(MAX_CONCURRENT_INTAKES):
                await inside.enter_async_context(runner.receiving(far))
            outside = asyncio.create_task(inside.enter_async_context(runner.receiving(far)))
            await asyncio.sleep(0)
            await runner.run(uuid.uuid4(), far)
            outside.cancel()

    asyncio.run(somebody_waits_for_ever())

    assert happened == ["run"]


def test_who_goes_while_giving_way_leaves_the_place_to_others(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    happened = _told_of_runs(world, monkeypatch, give_way_seconds=FAR_SECONDS)

    async def all_go_but_one() -> None:
        async with _runner() as (runner, far):
            async with AsyncExitStack() as inside:
                for _ in range(MAX_CONCURRENT_INTAKES):
                    await inside.enter_async_context(runner.receiving(far))
                outside = asyncio.create_task(inside.enter_async_context(runner.receiving(far)))
                await asyncio.sleep(0)
                gone = [asyncio.create_task(runner.run(uuid.uuid4(), far)) for _ in range(MAX_CONCURRENT_RUNS)]
                await asyncio.sleep(0)
                for each in [*gone, outside]:
                    each.cancel()
                await asyncio.wait([*gone, outside])
            async with asyncio.timeout(FAR_SECONDS):
                await runner.run(uuid.uuid4(), far)

    asyncio.run(all_go_but_one())

    assert happened == ["run"]


def test_where_requests_are_recorded_slowly_nobody_is_sent_away(world: World) -> None:
    assert world.addresses["http"]

    async def past_the_deadline() -> bool:
        async with _runner() as (runner, far), AsyncExitStack() as inside:
            for _ in range(MAX_CONCURRENT_INTAKES):
                await inside.enter_async_context(runner.receiving(far))
            waiting = asyncio.create_task(_received(runner, PAST))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert not waiting.done()
            await inside.aclose()
            return await waiting

    assert asyncio.run(past_the_deadline())


def test_where_nothing_can_be_recorded_who_waits_is_sent_away_at_the_deadline(world: World) -> None:
    assert world.addresses["http"]

    async def past_the_deadline() -> None:
        async with _runner() as (runner, far), AsyncExitStack() as inside:
            for _ in range(MAX_CONCURRENT_INTAKES - 1):
                await inside.enter_async_context(runner.receiving(far))
            with pytest.raises(DatabaseUnavailable, match="away"):
                async with runner.receiving(far):
                    raise DatabaseUnavailable("away")
            await inside.enter_async_context(runner.receiving(far))
            with pytest.raises(DatabaseUnavailable, match="too many requests wait"):
                await _received(runner, PAST)

    asyncio.run(past_the_deadline())


async def _received(runner: Runner, deadline: float) -> bool:
    async with runner.receiving(deadline):
        return True


def _told_of_runs(world: World, monkeypatch: pytest.MonkeyPatch, *, give_way_seconds: float) -> list[str]:
    """Return a list to which events from now on are added; a run has no other effect."""
    assert world.addresses["http"]  # the stack's settings are in the environment
    happened: list[str] = []

    async def carry_out(*_: object) -> None:
        happened.append("run")

    monkeypatch.setattr(module, "_carry_out", carry_out)
    monkeypatch.setattr(module, "GIVE_WAY_SECONDS", give_way_seconds)
    return happened


@asynccontextmanager
async def _runner() -> AsyncIterator[tuple[Runner, float]]:
    """Yield a runner, and a far deadline."""
    async with open_services(load(TriggerSettings)) as services:
        yield Runner(services, run_context(services)), asyncio.get_running_loop().time() + FAR_SECONDS
