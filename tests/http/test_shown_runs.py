"""The cost of a run on Prefect's server, and the completeness of its page: FEATURES W21, nodes as tasks.

Runs Prefect's own engine and its real server, with a flow of three steps. A release of Prefect that changes behaviour
we rely on fails here.
"""

import asyncio
import os
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import httpx
import pytest
from prefect import flow, get_run_logger, task
from prefect.context import AsyncClientContext, FlowRunContext
from prefect.events.worker import EventsWorker
from prefect.logging.handlers import APILogWorker
from prefect.settings import PREFECT_API_URL, temporary_settings

from deployments.prefect.client import ClientBehind, shared_client
from deployments.prefect.ready_runs import PRECREATED
from deployments.prefect.steps import SHOWN_AFTER_SECONDS
from nodes.runs.display import READY
from nodes.runs.labels import label
from tests.waiting import eventually
from tests.world import Row, World

pytestmark = pytest.mark.slow

# The server writes task runs and events in batches.
PREFECT = "/api"
LOGS = "/logs/"
# Unique to this session: runs that a failed test left on a kept server do not count.
FLOW = f"shown-runs-{uuid.uuid4().hex[:8]}"


@task(name="Step one", task_run_name="Step one")
async def one() -> object:
    return object()


@task(name="Step two", task_run_name="Step two")
async def two(_before: object) -> object:
    return object()


@task(name="Step three", task_run_name="Step three")
async def three(_before: object, seconds: float) -> object:
    await asyncio.sleep(seconds)
    if seconds < 0:
        raise ArithmeticError
    return object()


@flow(name=FLOW, flow_run_name="shown-runs {which}", persist_result=False)
async def shown(which: str, seconds: float = 0) -> str:
    """Run three sequential steps, named at the end like our flows; return its id."""
    context = FlowRunContext.get()
    assert context is not None and context.flow_run is not None
    get_run_logger().info("a line about %s", which)
    await three(await two(await one()), seconds)
    await label(f"shown-runs {which} and more", ["cancelflow", f"which:{which}"])
    return str(context.flow_run.id)


@pytest.fixture(autouse=True)
def this_server(world: World) -> Iterator[None]:
    with temporary_settings({PREFECT_API_URL: os.environ["PREFECT_API_URL"]}):
        yield


class Calls(list[str]):
    """The calls to the server, as `METHOD /path` without ids."""

    async def record(self, request: httpx.Request) -> None:
        path = request.url.path.removeprefix(PREFECT)
        if path == LOGS:  # sent for many runs together, from time to time
            return
        self.append(f"{request.method} {'/'.join(part for part in path.split('/') if len(part) < 30)}")

    def taken(self) -> list[str]:
        """Return the calls so far, and start over."""
        said = list(self)
        self.clear()
        return said


@asynccontextmanager
async def counted() -> AsyncIterator[Calls]:
    """Yield the calls of the trigger's client."""
    async with shared_client(FLOW):
        context = AsyncClientContext.get()
        assert context is not None and isinstance(context.client, ClientBehind)
        calls = Calls()
        context.client._client.event_hooks["request"].append(calls.record)
        yield calls


async def ready(world: World) -> None:
    """Wait until the server has the pre-created runs, which follow all reports."""
    found = await asyncio.to_thread(eventually, lambda: len(unused(world)) == PRECREATED)
    assert found


def unused(world: World) -> list[Row]:
    """Return the waiting pre-created runs."""
    asked = {"flow_runs": {"state": {"name": {"any_": [READY]}}}, "flows": {"name": {"any_": [FLOW]}}}
    found: list[Row] = world.prefect.post("/flow_runs/filter", json=asked).json()
    return found


def run_of(world: World, run_id: str) -> Row:
    found: Row = world.prefect.get(f"/flow_runs/{run_id}").json()
    return found


def ended(world: World, run_id: str) -> bool:
    return bool(run_of(world, run_id)["end_time"])


def steps_of(world: World, run_id: str, how_many: int = 3) -> dict[str, Row]:
    """Return the steps by name, when the server has written them."""

    def look() -> dict[str, Row] | None:
        asked = {"flow_runs": {"id": {"any_": [run_id]}}}
        found = world.prefect.post("/task_runs/filter", json=asked).json()
        ended = {each["name"]: each for each in found if each["state_type"] in ("COMPLETED", "FAILED")}
        return ended if len(ended) == how_many else None

    found = eventually(look)
    assert found is not None
    return found


def events_of(world: World, step: Row) -> list[Row]:
    """Return the server's events of a task run, oldest first."""
    resource = {"id": [f"prefect.task-run.{step['id']}"]}
    asked = {"filter": {"resource": resource, "order": "ASC"}, "limit": 50}

    def look() -> list[Row] | None:
        events: list[Row] = world.prefect.post("/events/filter", json=asked).json()["events"]
        return events if any(each["event"].endswith(("Completed", "Failed")) for each in events) else None

    found = eventually(look)
    assert found is not None
    return found


def names_of_events(world: World, step: Row) -> list[str]:
    return [event["event"] for event in events_of(world, step)]


def lines_of(world: World, run_id: str) -> list[str]:
    """Return the run's log, when the server has it."""
    asked = {"logs": {"flow_run_id": {"any_": [run_id]}}}
    return eventually(lambda: [str(line["message"]) for line in world.prefect.post("/logs/filter", json=asked).json()])


def test_a_run_makes_the_fewest_possible_calls_to_the_server(world: World) -> None:
    async def scenario() -> tuple[list[str], list[list[str]]]:
        async with counted() as calls:
            await shown("first")
            first, others = calls.taken(), []
            for which in ("second", "third"):
                await ready(world)
                oldest = min(unused(world), key=lambda run: str(run["created"]))
                calls.clear()
                run_id = await shown(which)
                assert run_id == oldest["id"]  # none waits so long that it looks orphaned
                await asyncio.to_thread(eventually, lambda run=run_id: ended(world, run))
                await ready(world)
                others.append(calls.taken())
        return first, others

    first, others = asyncio.run(scenario())

    assert first[:3] == ["GET /csrf-token", "POST /flows/", "POST /flow_runs/"]
    begins, labels, ends = "POST /flow_runs/set_state", "PATCH /flow_runs", "POST /flow_runs/set_state"
    for calls in others:  # its own, in order, and one pre-created for the next
        assert [call for call in calls if call != "POST /flow_runs/"] == [begins, labels, ends]
        assert calls.count("POST /flow_runs/") == 1


def test_prefects_page_shows_the_whole_run(world: World) -> None:
    async def scenario() -> list[str]:
        async with counted():
            created_on_demand = await shown("created on demand")
            await ready(world)
            return [created_on_demand, await shown("pre-created")]

    for which, run_id in zip(("created on demand", "pre-created"), asyncio.run(scenario()), strict=True):
        run = run_of(world, run_id)
        assert (run["name"], run["state_type"]) == (f"shown-runs {which} and more", "COMPLETED")
        assert (run["parameters"]["which"], run["run_count"]) == (which, 1)
        assert sorted(run["tags"]) == ["cancelflow", f"which:{which}"]
        assert run["start_time"] < run["end_time"] and run["total_run_time"] > 0

        steps = steps_of(world, run_id)
        assert set(steps) == {"Step one", "Step two", "Step three"}
        assert all(step["start_time"] <= step["end_time"] and step["run_count"] == 1 for step in steps.values())
        graph = {node["label"]: node for _, node in world.prefect.get(f"/flow_runs/{run_id}/graph-v2").json()["nodes"]}
        before = {label: [str(parent["id"]) for parent in node["parents"]] for label, node in graph.items()}
        assert before == {
            "Step one": [],
            "Step two": [steps["Step one"]["id"]],
            "Step three": [steps["Step two"]["id"]],
        }


def test_a_step_is_reported_once_unless_it_takes_long(world: World) -> None:
    async def scenario() -> str:
        async with counted():
            return await shown("slow", seconds=SHOWN_AFTER_SECONDS + 0.3)

    steps = steps_of(world, asyncio.run(scenario()))

    assert names_of_events(world, steps["Step one"]) == ["prefect.task-run.Completed"]
    assert names_of_events(world, steps["Step three"]) == ["prefect.task-run.Running", "prefect.task-run.Completed"]


def test_steps_and_log_lines_are_sent_from_the_runs_own_loop(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    by_a_thread: list[object] = []
    for worker in (EventsWorker, APILogWorker):
        monkeypatch.setattr(worker, "send", lambda _, said: by_a_thread.append(said))

    async def scenario() -> str:
        async with counted():
            return await shown("from here")

    run_id = asyncio.run(scenario())

    assert "a line about from here" in lines_of(world, run_id)
    run, steps = run_of(world, run_id), steps_of(world, run_id)
    [event] = events_of(world, steps["Step two"])
    about = {(each["prefect.resource.role"], each["prefect.resource.id"]) for each in event["related"]}
    assert about == {("flow-run", f"prefect.flow-run.{run_id}"), ("flow", f"prefect.flow.{run['flow_id']}")}
    assert by_a_thread == []


def test_a_failing_step_fails_its_run(world: World) -> None:
    async def scenario() -> None:
        async with counted():
            with pytest.raises(ArithmeticError):
                await shown("failing", seconds=-1)

    asyncio.run(scenario())

    asked = {"flow_runs": {"name": {"any_": ["shown-runs failing"]}}, "flows": {"name": {"any_": [FLOW]}}}
    [run] = world.prefect.post("/flow_runs/filter", json=asked).json()
    assert run["state_type"] == "FAILED"
    steps = steps_of(world, run["id"])
    assert {name: step["state_type"] for name, step in steps.items()} == {
        "Step one": "COMPLETED",
        "Step two": "COMPLETED",
        "Step three": "FAILED",
    }


def test_unused_pre_created_runs_are_deleted(world: World) -> None:
    async def scenario() -> None:
        async with counted():
            await shown("the last")
            await ready(world)

    asyncio.run(scenario())
    assert unused(world) == []
