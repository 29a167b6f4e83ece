"""The kill matrix of calls: `kill -9` beside every external effect; one call, and what follows from its result once.

The process is a run of `call-customer` or `route-call-result` like a worker's, or a trigger that receives a result; the
company's trigger resumes the unfinished work.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from nodes import call_results, calls
from tests.calls.company import Company, calling
from tests.faults.kill_matrix import Matrix, Way, differences, nodes_unseen, show
from tests.faults.topic import Event, subscribed
from tests.faults.triggers import Process, Trigger, Triggers
from tests.faults.watch import CALLS, Watch
from tests.faults.wires import EFFECTS
from tests.faults.wires_line import When
from tests.world import Person, World

pytestmark = pytest.mark.slow

NODES = {
    "calls/step_01_check_gates": "close_call",
    "calls/step_02_place_call": "POST /hooks",
    "call_results/step_01_read_result": "",
    "call_results/step_02_check_reversal": "",
    "call_results/step_03_route_result": "call_reversed",
    "call_results/step_04_confirm_promises": "email",
}
PROMISES = ["Send the invoice.", "Tell the team."]
RESULT: dict[str, Any] = {
    "status": "completed",
    "warmth": "cold",
    "reasonClass": "PRICING",
    "actionItems": PROMISES,
    "requests": ["did_not_cancel", "do_not_call"],
}
CALLED = {"state": "placed", "calls": 1, "audited": [("placed", None)]}
ROUTED = {
    "tasks": {"billing": [None], "promise": PROMISES},
    "audited": [("placed", None), ("disputed", "suspected_fraud")],
    "emails": 1,
}


@dataclass(frozen=True, eq=False)
class Calling(Way):
    """A run of `flow` about a customer who was prepared for it. `due`: the expected state, by the names used below."""

    company: Company = field(kw_only=True)
    flow: str = "call-customer"
    prepare: Callable[[Company, Person], None] = lambda company, person: None
    due: dict[str, Any] = field(default_factory=dict)

    def person(self, world: World) -> Person:
        person = self.company.leaver()
        self.prepare(self.company, person)
        return person

    def process(
        self, world: World, triggers: Triggers, person: Person, settings: dict[str, str]
    ) -> AbstractContextManager[Process]:
        return triggers.running(self.flow, str(self.company.id_of(person)), **settings)

    def ask(self, process: Process, person: Person, key: str) -> httpx.Response | None:
        process.wait()
        return None

    def after_kill(self, world: World, person: Person) -> None:
        """End the claim, which lasts ten minutes."""
        world.admin.execute(
            """UPDATE calls SET due_at = CASE WHEN due_at IS NOT NULL THEN now() END,
                route_at = CASE WHEN route_at IS NOT NULL THEN now() END WHERE user_id = %s""",
            [person.user_id],
        )

    def wrong(self, world: World, person: Person, events: list[Event]) -> list[str]:
        call, sent = self.company.call(person), self.company.heard(person)
        ids = world.rows("SELECT id FROM outbox WHERE user_id = %s AND kind = 'promise_confirmation'", person.user_id)
        confirmed = {f"<{row['id']}@cancelflow>" for row in ids}
        revoked = "SELECT FROM consents WHERE user_id = %s AND NOT accepted"
        found = {
            "state": call["state"],
            "gate": call["gate"],
            "calls": len({(each.id, str(each.body)) for each in sent}),
            "audited": self.company.audited(person)[1:],  # the first is `leaver`'s
            "tasks": self.company.tasks(person),
            "emails": len(confirmed & {each["message_id"] for each in world.emails(person)}),
            "revoked": len(world.rows(revoked, person.user_id)),
        }
        usual: dict[str, Any] = {"state": "placed", "gate": None, "calls": 1, "tasks": {}, "emails": 0, "revoked": 0}
        return differences(found, {**usual, **self.due})


@dataclass(frozen=True, eq=False)
class Receiving(Calling):
    """A trigger that receives a result, which the vendor sends again without a response."""

    def process(
        self, world: World, triggers: Triggers, person: Person, settings: dict[str, str]
    ) -> AbstractContextManager[Process]:
        # Each look for work keeps a connection, as it gets no response on these wires.
        return triggers.started(**{**settings, "DATABASE_POOL_SIZE": "20"})

    def ask(self, process: Process, person: Person, key: str) -> httpx.Response | None:
        assert isinstance(process, Trigger)
        assert self._report(process.http, person).status_code == 200
        return None

    def after_kill(self, world: World, person: Person) -> None:
        assert self._report(self.company.http, person).status_code == 200
        super().after_kill(world, person)

    def _report(self, http: httpx.Client, person: Person) -> httpx.Response:
        call_id = str(self.company.id_of(person))
        return self.company.report(http=http, callId=f"call_{call_id}", webhookId=call_id, **RESULT)


def _no_consent(company: Company, person: Person) -> None:
    company.consents(person, None)


def _called(company: Company, person: Person) -> None:
    company.consents(person, channel="email_marketing")
    assert company.calls(person)["state"] == "placed"


def reported(company: Company, person: Person) -> None:
    """Let a result wait that leads to tasks, a dispute and an email."""
    _called(company, person)
    company.reported(
        person, warmth="cold", reason_class="PRICING", action_items=PROMISES, requests_heard=["did_not_cancel"]
    )


def ways(company: Company) -> list[Way]:
    return [
        Calling("called", company=company, due=CALLED),
        Calling(
            "no consent",
            company=company,
            prepare=_no_consent,
            due={
                "state": "not_placed",
                "gate": "no_consent",
                "calls": 0,
                "revoked": 1,
                "audited": [("not_placed", "no_consent")],
            },
        ),
        Calling("result", company=company, flow="route-call-result", prepare=reported, due=ROUTED),
        Receiving("receiving a result", whole=False, company=company, prepare=_called, due={**ROUTED, "revoked": 1}),
    ]


@pytest.fixture(scope="module")
def matrix(world: World, triggers: Triggers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Matrix]:
    with (
        world.simulator.losing_webhooks(),
        calling(world, tmp_path_factory.mktemp("calls")) as company,
        subscribed() as topic,
        Watch(company.world, CALLS) as watch,
    ):
        made = Matrix(ways(company), company.world, triggers, topic, watch, company.settings, (*EFFECTS, "vendor"))
        made.run()
        yield made
    show(made, "kill -9 of calls")


def test_every_node_has_a_recorded_effect(matrix: Matrix) -> None:
    folders = [Path(str(each.__file__)).parent for each in (calls, call_results)]
    nodes = {f"{folder.name}/{path.stem}" for folder in folders for path in folder.glob("step_*.py")}

    assert nodes == NODES.keys(), "say what the new node does outside of the flow"
    assert nodes_unseen(matrix, NODES) == []


def test_a_killed_process_loses_nothing_and_repeats_nothing(matrix: Matrix) -> None:
    wrong = [str(point) for point in matrix.points if point.wrong]

    assert all(len(matrix.of(way)) >= len(When) for way in matrix.ways)
    assert not wrong, "\n".join(wrong)
