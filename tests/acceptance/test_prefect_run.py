"""The run as Prefect shows it: FEATURES W21, SPEC's table of nodes and Decided 9."""

import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg
import pytest
from psycopg import sql
from psycopg.rows import dict_row

from deployments.demo.cases import Case
from tests.waiting import eventually
from tests.world import Person, Row, World

COMMON = ["Cancellation Request", "Get Active Subscription", "Generate Retention Offer", "User Accepts Offer?"]
# Each node's name, and the names of the nodes whose result it takes.
RETAINED = {
    "Cancellation Request": set[str](),
    "Get Active Subscription": {"Cancellation Request"},
    "Generate Retention Offer": {"Get Active Subscription"},
    "User Accepts Offer?": {"Generate Retention Offer"},
    "Apply Retention Discount": {"User Accepts Offer?"},
    "Retention Success Response": {"Apply Retention Discount"},
}
MARKED = "Mark Subscription as Pending Cancellation"
EFFECTS = {"Send Cancellation Confirmation", "Schedule Data Preservation (90 days)", "Publish Cancellation Event"}
CANCELLED = {
    **{name: RETAINED[name] for name in COMMON},
    "Capture Cancellation Reason": {"User Accepts Offer?"},
    "Schedule Stripe Cancellation": {"Capture Cancellation Reason"},
    MARKED: {"Schedule Stripe Cancellation"},
    **{effect: {MARKED} for effect in EFFECTS},
    # The response waits for neither email nor event.
    "Success Response": {MARKED, "Schedule Data Preservation (90 days)"},
}
PHASES = ["Initialization", "Processing", "Verification", "Finalization"]


@dataclass
class Ended:
    """A run that has ended."""

    person: Person
    request_id: str
    run: Row


def ended(world: World, person: Person, response: httpx.Response) -> Ended:
    return Ended(person, world.request_id(response), world.run_of(response))


def graph(world: World, run: Row, nodes: int) -> dict[str, tuple[str, set[str]]]:
    """Return the state and the parents of each node by name, when all nodes are there."""

    def whole() -> list[Row]:
        found = world.prefect.get(f"/flow_runs/{run['id']}/graph-v2").json()["nodes"]
        there = [node for _, node in found if node["state_type"] in ("COMPLETED", "FAILED")]
        return there if len(there) >= nodes else []

    found = eventually(whole)
    names = {node["id"]: str(node["label"]) for node in found}
    assert len(set(names.values())) == len(found)
    return {node["label"]: (node["state_type"], {names[parent["id"]] for parent in node["parents"]}) for node in found}


def messages(world: World, run: Row, last: str) -> list[str]:
    """Return the run's log in order, when it contains this line."""

    def whole() -> list[str]:
        wanted = {"logs": {"flow_run_id": {"any_": [run["id"]]}}, "sort": "TIMESTAMP_ASC"}
        found = [line["message"] for line in world.prefect.post("/logs/filter", json=wanted).json()]
        return found if any(last in line for line in found) else []

    return eventually(whole)


def phases(log: list[str]) -> list[str]:
    return [line.removeprefix("Phase: ") for line in log if line.startswith("Phase: ")]


def test_the_graph_of_a_cancellation_matches_the_specification(world: World) -> None:
    person = world.person("professional")
    seen = ended(world, person, world.cancel(person))

    assert seen.run["name"] == f"cancel-subscription {seen.request_id} {person.subscription_id}"
    assert set(seen.run["tags"]) == {"cancelflow", "plan:professional", "outcome:pending_cancellation"}
    state = seen.run["state"]
    assert (state["type"], state["name"], state["message"]) == ("COMPLETED", "Completed", "200 pending_cancellation")
    assert seen.run["parameters"] == {"request_id": seen.request_id}
    drawn = graph(world, seen.run, len(CANCELLED))
    assert {name: parents for name, (_, parents) in drawn.items()} == CANCELLED
    assert {state for state, _ in drawn.values()} == {"COMPLETED"}
    assert phases(messages(world, seen.run, "Finished in state Completed('200")) == PHASES


def test_the_graph_of_an_acceptance_matches_the_specification(world: World) -> None:
    person = world.person("enterprise")
    seen = ended(world, person, world.accept(person))

    assert seen.run["name"] == f"cancel-subscription {seen.request_id} {person.subscription_id}"
    assert set(seen.run["tags"]) == {"cancelflow", "plan:enterprise", "outcome:retained"}
    state = seen.run["state"]
    assert (state["type"], state["name"], state["message"]) == ("COMPLETED", "Completed", "200 retained")
    drawn = graph(world, seen.run, len(RETAINED))
    assert {name: parents for name, (_, parents) in drawn.items()} == RETAINED
    assert {state for state, _ in drawn.values()} == {"COMPLETED"}
    assert phases(messages(world, seen.run, "Finished in state Completed('200")) == PHASES


def test_a_refusal_ends_the_run_in_a_state_of_its_own(world: World) -> None:
    person = world.person("starter")
    world.accept(person)
    seen = ended(world, person, world.accept(person))

    assert seen.run["name"] == f"cancel-subscription {seen.request_id} {person.subscription_id}"
    assert set(seen.run["tags"]) == {"cancelflow", "plan:starter", "outcome:refused"}
    state = seen.run["state"]
    assert (state["type"], state["name"]) == ("COMPLETED", "Refused")
    assert state["message"] == "409 refused: offer-unavailable"
    drawn = graph(world, seen.run, len(COMMON))
    assert [drawn[name][0] for name in COMMON] == ["COMPLETED", "COMPLETED", "COMPLETED", "FAILED"]
    assert len(drawn) == len(COMMON)
    assert phases(messages(world, seen.run, "Finished in state Refused")) == PHASES[:2]


def test_a_second_cancellation_is_refused_at_the_second_node(world: World) -> None:
    person = world.person("already_pending")
    seen = ended(world, person, world.cancel(person))

    assert seen.request_id in seen.run["name"]
    assert {"cancelflow", "outcome:refused"} <= set(seen.run["tags"])
    state = seen.run["state"]
    assert (state["type"], state["name"]) == ("COMPLETED", "Refused")
    assert state["message"] == "409 refused: subscription-already-pending"
    drawn = graph(world, seen.run, 2)
    assert {name: state for name, (state, _) in drawn.items()} == {COMMON[0]: "COMPLETED", COMMON[1]: "FAILED"}


def test_a_failure_at_stripe_fails_the_run(world: World) -> None:
    person = world.person("professional")
    with world.simulator.fault(kind="status", method="POST", contains=person.subscription_id, times=0):
        seen = ended(world, person, world.cancel(person))

    assert set(seen.run["tags"]) == {"cancelflow", "plan:professional", "outcome:failed"}
    assert seen.run["state"]["type"] == "FAILED"
    drawn = graph(world, seen.run, 6)
    assert drawn["Schedule Stripe Cancellation"][0] == "FAILED"
    assert not EFFECTS & set(drawn)
    assert phases(messages(world, seen.run, "Finished in state Failed")) == PHASES[:2]


@pytest.fixture
def prefects_database(world: World) -> Iterator[psycopg.Connection[Row]]:
    with psycopg.connect(
        world.addresses["database_admin_url"], dbname="prefect", autocommit=True, row_factory=dict_row
    ) as connection:
        yield connection


def tables_that_hold(connection: psycopg.Connection[Row], text: str) -> set[str]:
    """Return the tables of Prefect's database in which any column of any row contains this text."""
    tables = connection.execute(
        "SELECT relname AS name FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace"
    ).fetchall()
    return {table["name"] for table in tables if _holds(connection, table["name"], text)}


def _holds(connection: psycopg.Connection[Row], table: str, text: str) -> bool:
    query = sql.SQL("SELECT EXISTS (SELECT FROM {} AS a_row WHERE strpos(a_row::text, %s) > 0) AS held")
    [row] = connection.execute(query.format(sql.Identifier(table)), [text]).fetchall()
    return bool(row["held"])


def files_that_hold(text: str, *places: Path) -> list[Path]:
    wanted = text.encode()
    return [file for place in places for file in place.rglob("*") if file.is_file() and wanted in file.read_bytes()]


def test_no_personal_data_reaches_prefect_or_a_log(world: World, prefects_database: psycopg.Connection[Row]) -> None:
    """One marker in a customer's name, address and texts, on every path."""
    marker = f"marker{uuid.uuid4().hex}"
    leaver, stayer = (world.made(Case(marker, customer_name=f"Robin {marker}")) for _ in range(2))
    assert marker in leaver.email
    quoted = {"message": f"Invalid comment: {marker}", "code": "parameter_invalid_string"}
    wrong = {"kind": "status", "status": 400, "error": quoted, "method": "POST", "contains": leaver.subscription_id}

    with world.simulator.fault(**wrong, times=0):
        responses = [world.cancel(leaver, feedback=f"said {marker}")]
    responses += [world.cancel(leaver, feedback=f"said {marker}") for _ in range(2)]
    responses += [world.cancel(leaver, reason=marker), world.cancel(leaver, feedback=marker * 200)]
    responses += [world.accept(stayer, feedback=f"said {marker}") for _ in range(2)]
    world.admin.execute("UPDATE users SET email = %s WHERE id = %s", [f"no address {marker}", stayer.user_id])
    responses.append(world.cancel(stayer, feedback=f"said {marker}"))

    assert [response.status_code for response in responses] == [500, 200, 409, 400, 400, 200, 409, 200]
    # It is where it belongs: in our rows, in the email and in Stripe.
    assert len(world.rows("SELECT FROM cancellation_reasons WHERE strpos(feedback, %s) > 0", marker)) == 3
    [email] = world.emails(leaver)
    assert marker in email["text"]
    details = world.stripe.subscriptions.retrieve(leaver.subscription_id).cancellation_details
    assert details is not None
    assert marker in (details.comment or "")
    # Prefect must have received the whole last run by now: its log, its nodes, its events.
    last = ended(world, stayer, responses[-1])
    graph(world, last.run, len(CANCELLED))
    messages(world, last.run, "Finished in state Completed")
    where = {"flow_run", "flow_run_state", "task_run", "task_run_state", "log", "events"}
    for response in (responses[0], responses[-1]):
        run_id = str(world.run_of(response)["id"])
        eventually(
            lambda run_id=run_id: where <= tables_that_hold(prefects_database, run_id),  # type: ignore[misc]
        )

    assert tables_that_hold(prefects_database, marker) == set()
    home = Path(os.environ["PREFECT_HOME"])
    logs = home.parent / "logs"
    assert files_that_hold(world.request_id(responses[0]), logs)
    assert files_that_hold(marker, logs, home) == []
