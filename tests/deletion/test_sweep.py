"""How a scheduled flow processes many customers: in batches, up to the limit, without an endless loop."""

import asyncio
from uuid import uuid4

import pytest

from nodes.runs.sweep import BATCH, Sweep


def through(run: Sweep, taken: int, failed: int = 0) -> None:
    left: dict[str, str] = {str(uuid4()): "billing-failed" for _ in range(failed)}
    asyncio.run(run.went_through(taken, left))


def test_a_sweep_stops_at_its_limit() -> None:
    run = Sweep("a-flow", at_most=BATCH + 20)
    through(run, run.next_batch)
    assert run.next_batch == 20
    through(run, run.next_batch)
    assert run.next_batch == 0


@pytest.mark.parametrize(("failed", "goes_on"), [(0, True), (BATCH - 1, True), (BATCH, False)])
def test_a_sweep_stops_after_a_batch_that_failed_completely(failed: int, goes_on: bool) -> None:
    run = Sweep("a-flow", at_most=None)
    through(run, BATCH, failed)
    assert bool(run.next_batch) == goes_on


def test_a_sweep_with_failed_users_fails_and_counts_them() -> None:
    run = Sweep("a-flow", at_most=None)
    assert run.state("done").is_completed()
    through(run, BATCH, failed=3)
    assert (run.state("done").is_failed(), run.state("done").message) == (True, "done; 3 left for the next run")
