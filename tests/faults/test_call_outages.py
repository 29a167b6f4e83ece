"""The vendor, the database and the mail server away at an effect of a call: one call, and what follows from it once."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from pydantic import SecretStr

from flows.call_customer import call_customer
from flows.route_call_result import route_call_result
from nodes.errors import CancelflowError
from tests.calls.company import Company, calling
from tests.faults.test_kill_matrix_calls import PROMISES, reported
from tests.faults.wires import SETTINGS, wired
from tests.faults.wires_line import Fault, When
from tests.world import Person, World

pytestmark = pytest.mark.slow

# The part that is away, from which effect on. RESPONSE_LOST: in the middle of its response.
WHILE_CALLING = [
    ("vendor", "POST /hooks", When.BEFORE),
    ("vendor", "POST /hooks", When.RESPONSE_LOST),
    ("postgresql", "begin_call", When.BEFORE),
    ("postgresql", "begin_call", When.RESPONSE_LOST),
    ("postgresql", "call_placed, write_audit", When.BEFORE),
    ("postgresql", "call_placed, write_audit", When.RESPONSE_LOST),
]
WHILE_ROUTING = [
    ("smtp", "email", When.BEFORE),
    ("smtp", "email", When.RESPONSE_LOST),
    ("postgresql", "put_in_outbox", When.BEFORE),
    ("postgresql", "call_routed", When.BEFORE),
    ("postgresql", "call_routed", When.RESPONSE_LOST),
]


@pytest.fixture(scope="module")
def company(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    with world.simulator.losing_webhooks(), calling(world, tmp_path_factory.mktemp("calls")) as company:
        yield company


def run_while_away(company: Company, flow: Any, person: Person, away: tuple[str, str, When], fault: Fault) -> None:
    """Run the flow in this process, with a part away from an effect on."""
    part, effect, when = away
    with wired(part, settings=company.settings) as wires:
        own = {name.lower(): SecretStr(value) for name, value in wires.settings().items()}
        if part == "vendor":
            own[SETTINGS[part].lower()] = wires.settings()[SETTINGS[part]]  # type: ignore[assignment]
        stop = wires.fail_at(effect, when, part, fault)
        with suppress(CancelflowError):
            company.run(flow.fn(company.id_of(person)), **own)
        assert stop.reached.is_set(), wires.effects


@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize("away", WHILE_CALLING, ids=" ".join)
def test_a_part_that_is_away_leaves_one_call(company: Company, away: tuple[str, str, When], fault: Fault) -> None:
    person = company.leaver()
    run_while_away(company, call_customer, person, away, fault)
    assert company.calls(person)["state"] == "placed"
    assert len({(each.id, str(each.body)) for each in company.heard(person)}) == 1
    assert company.audited(person)[1:] == [("placed", None)]


@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize("away", WHILE_ROUTING, ids=" ".join)
def test_a_part_that_is_away_leaves_each_task_once_and_one_email(
    company: Company, away: tuple[str, str, When], fault: Fault
) -> None:
    person = company.leaver()
    reported(company, person)
    run_while_away(company, route_call_result, person, away, fault)
    company.run(route_call_result.fn(company.id_of(person)))
    assert company.call(person)["route_at"] is None
    assert company.tasks(person) == {"billing": [None], "promise": PROMISES}
    [sent] = company.world.rows(
        "SELECT id, delivered_at FROM outbox WHERE user_id = %s AND kind = 'promise_confirmation'", person.user_id
    )
    assert sent["delivered_at"]
    ids = [each["message_id"] for each in company.world.emails(person)]
    assert f"<{sent['id']}@cancelflow>" in ids
