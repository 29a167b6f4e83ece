"""A trigger that is killed while the company's hook carries an action out: Stripe is changed once (FEATURES C15)."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import httpx
import pytest

from tests.acceptance.stripe_hook import StripeHook
from tests.faults.own_database import OwnServer, OwnWorld, own_server
from tests.faults.triggers import Trigger, Triggers
from tests.faults.unfinished import expire_lease, request_row, when_done
from tests.hook_receiver import SECRET, receiving
from tests.world import World

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnServer]:
    with own_server(tmp_path_factory.mktemp("own")) as server:
        yield server


@pytest.fixture
def hook(world: World) -> Iterator[StripeHook]:
    with receiving() as receiver:
        hook = StripeHook(world, receiver)
        hook.reset()
        yield hook


@pytest.mark.parametrize("made", [False, True], ids=["before", "after"])
def test_a_run_killed_around_the_hooks_change_ends_with_one_change(
    world: World, triggers: Triggers, server: OwnServer, hook: StripeHook, made: bool
) -> None:
    settings = {
        **server.settings_of_another_database(),
        "ACTION_HOOKS": f"cancel={hook.receiver.url}",
        "ACTION_HOOK_SECRET": SECRET,
    }
    own = OwnWorld(world, settings)
    person = own.person("professional")

    def kill(first: Trigger, got: Any) -> None:
        if made:
            hook.carry_out(got)
        first.kill()

    with triggers.started(**settings) as first:
        hook.receiver.act = lambda got: kill(first, got)
        with pytest.raises(httpx.TransportError):
            first.cancel(person)
    hook.reset()
    request_id: UUID = own.row("SELECT id FROM cancellation_requests WHERE user_id = %s", person.user_id)["id"]
    with triggers.started(**settings):
        expire_lease(own, request_id)
        when_done(own, request_id)

    row = request_row(own, request_id)
    assert (row["outcome"], row["carried_out_by"]) == ("pending_cancellation", "hook")
    assert hook.seen == [f"{request_id}:cancel:1"]
    assert {each.id for each in hook.about(person.subscription_id)} == {f"{request_id}:cancel:1"}
    [write] = own.simulator.writes(person.subscription_id)
    assert str(request_id) not in str(write["idempotency_key"])
    assert len(own.emails(person)) == 1
    own.close()
