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
from tests.world import World

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
        eventually(lambda: len(team.refused) == 1)
        for tried in range(2, 7):
            eventually(partial(_counted, own, request_id, tried))
            expire_lease(own, request_id)
            eventually(lambda: len(team.refused) >= tried)  # noqa: B023  # waits within its own turn
            [found] = own.rows("SELECT resume_at - now() AS pause FROM cancellation_requests WHERE id = %s", request_id)
            pauses.append(found["pause"].total_seconds())
        team.status = 204
        eventually(partial(_counted, own, request_id, 7))
        expire_lease(own, request_id)
        row = when_done(own, request_id)

    assert [len(team.accepted), {each.id for each in team.refused}] == [1, {team.accepted[0].id}]
    assert all(each.valid for each in (*team.accepted, *team.refused))
    # 30 s, 1, 2, 4 and 8 minutes, less what this machine took.
    assert all(later > 1.2 * earlier for earlier, later in pairwise(pauses)), pauses
    assert (row["by_hand"], row["outcome"], row["resume_at"]) == (True, None, None)
    assert [email["subject"] for email in own.emails(person)] == [
        "We've received your request to cancel your Enterprise plan"
    ]
    assert own.simulator.writes(person.subscription_id) == []
    own.close()


def _counted(own: OwnWorld, request_id: UUID, attempts: int) -> bool:
    """Return whether so many attempts at the webhook failed and were counted, the last but one of `attempts`."""
    found = own.rows("SELECT attempts FROM outbox WHERE request_id = %s AND kind = 'manual_request'", request_id)
    return [row["attempts"] for row in found] == [attempts - 1]


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
