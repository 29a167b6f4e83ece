"""A request that a person carries out, while its webhook can't be delivered or its trigger is killed (FEATURES U18)."""

from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path
from uuid import UUID

import pytest

from tests.faults.own_database import OwnServer, OwnWorld, own_server
from tests.faults.triggers import Triggers
from tests.faults.unfinished import expire_lease, request_row, when_done
from tests.hook_receiver import SECRET, Receiver, receiving
from tests.waiting import eventually
from tests.world import Row, World

pytestmark = pytest.mark.slow

BY_HAND = """
plans:
  enterprise:
    name: Enterprise
    stripe: {lookup_keys: [cancelflow_demo_enterprise_month]}
manual: {plans: [enterprise]}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnServer]:
    with own_server(tmp_path_factory.mktemp("own")) as server:
        yield server


@pytest.fixture
def settings(server: OwnServer, tmp_path: Path) -> dict[str, str]:
    catalog = tmp_path / "catalog.yaml"
    catalog.write_text(BY_HAND, encoding="utf-8")
    return {**server.settings_of_another_database(), "CATALOG": str(catalog), "MANUAL_WEBHOOK_SECRET": SECRET}


@pytest.fixture
def team() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def test_a_receiver_that_is_down_gets_the_webhook_once_it_is_back_and_the_pauses_grow(
    world: World, triggers: Triggers, settings: dict[str, str], team: Receiver
) -> None:
    own, team.status = OwnWorld(world, settings), 503
    person = own.person("enterprise")
    pauses = []
    with triggers.started(**settings, MANUAL_WEBHOOK_URL=team.url) as trigger:
        response = trigger.cancel(person)

        assert (response.status_code, response.json()["status"]) == (202, "in_progress")
        request_id = UUID(own.request_id(response))
        for attempts in range(1, 6):
            eventually(partial(_counted, own, request_id, attempts))
            before = _state(own, request_id)
            expire_lease(own, request_id)
            after = eventually(partial(_tried_again, own, request_id, before["tries"]))
            assert after is not None
            assert after["resume_at"] >= before["at"] + before["pause"]
            pauses.append(before["pause"])
        eventually(partial(_counted, own, request_id, 6))
        team.status = 204
        expire_lease(own, request_id)
        row = when_done(own, request_id)

    assert [len(team.accepted), {each.id for each in team.refused}] == [1, {team.accepted[0].id}]
    assert all(each.valid for each in (*team.accepted, *team.refused))
    assert all(later > earlier for earlier, later in pairwise(pauses)), pauses
    assert (row["by_hand"], row["outcome"], row["resume_at"]) == (True, None, None)
    assert [email["subject"] for email in own.emails(person)] == [
        "We've received your request to cancel your Enterprise plan"
    ]
    assert own.simulator.writes(person.subscription_id) == []
    own.close()


def _counted(own: OwnWorld, request_id: UUID, attempts: int) -> bool:
    """Return whether so many attempts at the webhook failed and were counted."""
    found = own.rows("SELECT attempts FROM outbox WHERE request_id = %s AND kind = 'manual_request'", request_id)
    return any(row["attempts"] >= attempts for row in found)


def _state(own: OwnWorld, request_id: UUID) -> Row:
    """Return how often the request was tried, and the pause after which the next try would be repeated."""
    state = "SELECT now() AS at, tries, resume_at, pause_after_tries(tries) AS pause FROM cancellation_requests"
    return own.row(f"{state} WHERE id = %s", request_id)


def _tried_again(own: OwnWorld, request_id: UUID, tries: int) -> Row | None:
    found = _state(own, request_id)
    return found if found["tries"] > tries else None


def test_a_killed_trigger_leaves_the_request_to_the_person_and_the_team_is_told_once(
    world: World, triggers: Triggers, settings: dict[str, str], team: Receiver
) -> None:
    own, team.status = OwnWorld(world, settings), 503
    person = own.person("enterprise")
    with triggers.started(**settings, MANUAL_WEBHOOK_URL=team.url) as first:
        request_id = UUID(own.request_id(first.cancel(person)))
        eventually(lambda: len(team.refused) == 1)
        first.kill()
    team.status = 204
    with triggers.started(**settings, MANUAL_WEBHOOK_URL=team.url):
        expire_lease(own, request_id)
        when_done(own, request_id)

    row = request_row(own, request_id)
    assert (row["by_hand"], row["outcome"], row["recovery_point"]) == (True, None, "reason_captured")
    assert len(team.accepted) == 1
    assert len(own.emails(person)) == 1
    assert own.simulator.writes(person.subscription_id) == []
    own.close()
