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


def test_a_run_starts_after_all_arrived_requests_are_received(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    happened = _recorded_events(world, monkeypatch, give_way_seconds=FAR_SECONDS)

    async def many_arrive() -> None:
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

    asyncio.run(many_arrive())

    assert happened == ["received"] * MAX_CONCURRENT_INTAKES + ["run"]


def test_an_endless_stream_of_callers_does_not_block_a_run(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    happened = _recorded_events(world, monkeypatch, give_way_seconds=0.05)

    async def one_caller_always_waits() -> None:
        async with _runner() as (runner, far), AsyncExitStack() as inside:
            for _ in range(MAX_CONCURRENT_INTAKES):
                await inside.enter_async_context(runner.receiving(far))
            outside = asyncio.create_task(inside.enter_async_context(runner.receiving(far)))
            await asyncio.sleep(0)
            await runner.run(uuid.uuid4(), far)
            outside.cancel()

    asyncio.run(one_caller_always_waits())

    assert happened == ["run"]


def test_a_cancelled_run_frees_its_slot(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    happened = _recorded_events(world, monkeypatch, give_way_seconds=FAR_SECONDS)

    async def all_but_one_are_cancelled() -> None:
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

    asyncio.run(all_but_one_are_cancelled())

    assert happened == ["run"]


def test_no_caller_is_refused_while_requests_are_recorded_slowly(world: World) -> None:
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


def test_a_waiting_caller_is_refused_at_the_deadline_if_nothing_can_be_recorded(world: World) -> None:
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


def _recorded_events(world: World, monkeypatch: pytest.MonkeyPatch, *, give_way_seconds: float) -> list[str]:
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
