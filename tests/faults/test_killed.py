"""A trigger that is killed in the middle of a request: another takes it up from where it stood, once."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from threading import Thread

import httpx
import pytest

from tests.acceptance.trigger import free_port
from tests.waiting import eventually
from tests.world import Person, World


@pytest.mark.parametrize(("kind", "accept"), [("delay", False), ("timeout", False), ("delay", True), ("timeout", True)])
def test_what_a_killed_process_left_is_carried_to_its_end(
    world: World, tmp_path: Path, kind: str, accept: bool
) -> None:
    """`delay`: Stripe does it after the process died. `timeout`: Stripe never did."""
    person = world.person("professional")
    begun = "offer_reserved" if accept else "reason_captured"
    with world.simulator.fault(kind=kind, method="POST", contains=person.subscription_id, seconds=1.5):
        _kill_in_the_middle(world, tmp_path, person, accept=accept, begun=begun)
        if kind == "delay":  # the write that the dead process sent takes effect
            eventually(lambda: all(write["status"] for write in world.simulator.writes(person.subscription_id)))

    world.admin.execute("UPDATE cancellation_requests SET resume_at = now() WHERE user_id = %s", [person.user_id])
    eventually(lambda: _left(world, person)["resume_at"] is None)

    done = _left(world, person)
    found = world.stripe.subscriptions.retrieve(person.subscription_id)
    assert done["outcome"] == ("retained" if accept else "pending_cancellation")
    assert done["runs"] == 2
    assert len(found.discounts) == (1 if accept else 0)
    assert found.cancel_at_period_end is not accept
    effective = [w for w in world.simulator.writes(person.subscription_id) if w["status"] == 200 and not w["replayed"]]
    assert len(effective) == 1
    assert len(world.letters(person)) == (0 if accept else 1)


def _left(world: World, person: Person) -> dict[str, object]:
    return world.row(
        "SELECT outcome, runs, recovery_point, resume_at FROM cancellation_requests WHERE user_id = %s", person.user_id
    )


def _kill_in_the_middle(world: World, directory: Path, person: Person, *, accept: bool, begun: str) -> None:
    port = free_port()
    command = [sys.executable, "-m", "deployments.command_line", "serve"]
    environment = {**os.environ, "HTTP_PORT": str(port)}
    body = {"user_id": person.user_id, "reason": "unused", "accept_offer": accept}
    url = f"http://127.0.0.1:{port}"

    def ask() -> None:
        with pytest.raises(httpx.TransportError):
            httpx.post(f"{url}/cancel-subscription", json=body, headers=person.headers, timeout=15)

    def asked_stripe() -> bool:
        rows = world.rows("SELECT recovery_point FROM cancellation_requests WHERE user_id = %s", person.user_id)
        return [row["recovery_point"] for row in rows] == [begun] and bool(
            world.simulator.writes(person.subscription_id)
        )

    with (directory / "trigger.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        eventually(lambda: _answers(url), within=60)
        asking = Thread(target=ask)
        asking.start()
        eventually(asked_stripe)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    asking.join()


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz").status_code == 200
    except httpx.TransportError:
        return False
