"""Runs of the scheduled flows on Prefect's worker, as started by the schedule or an operator."""

from datetime import UTC, datetime, timedelta

from tests.waiting import eventually
from tests.world import Row, World

# A worker starts a process for each run.
WORKER_SECONDS = 300.0
ENDED = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")


def deployment(world: World, name: str) -> Row:
    found = world.prefect.get(f"/deployments/name/{name}/{name}")
    assert found.status_code == 200
    read: Row = found.json()
    return read


def started(world: World, name: str, late_by: timedelta = timedelta(), **parameters: object) -> str:
    """Start a run of the deployment that was due so long ago."""
    due = (datetime.now(UTC) - late_by).isoformat()
    scheduled = {"type": "SCHEDULED", "state_details": {"scheduled_time": due}}
    made = world.prefect.post(
        f"/deployments/{deployment(world, name)['id']}/create_flow_run",
        json={"parameters": parameters, "state": scheduled},
    )
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


def ended(world: World, run_id: str) -> Row:
    def at_its_end() -> Row | None:
        found: Row = world.prefect.get(f"/flow_runs/{run_id}").json()
        return found if found["state_type"] in ENDED else None

    found = eventually(at_its_end, within=WORKER_SECONDS)
    assert found is not None
    return found
