"""A trigger that is killed in the middle of a request: another takes it up from where it stood, once."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
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
    with world.simulator.fault(kind=kind, method="POST", contains=person.subscription_id, seconds=1.5) as hits:
        _kill_in_the_middle(tmp_path, person, accept=accept, asked_stripe=lambda: hits() == 1)
        if kind == "delay":  # the write that the dead process sent takes effect
            eventually(lambda: [write["status"] for write in world.simulator.writes(person.subscription_id)] == [200])

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


def _kill_in_the_middle(directory: Path, person: Person, *, accept: bool, asked_stripe: Callable[[], bool]) -> None:
    port = free_port()
    command = [sys.executable, "-m", "deployments.command_line", "serve"]
    environment = {**os.environ, "HTTP_PORT": str(port)}
    body = {"user_id": person.user_id, "reason": "unused", "accept_offer": accept}
    url = f"http://127.0.0.1:{port}"

    def ask() -> None:
        with pytest.raises(httpx.TransportError):
            httpx.post(f"{url}/cancel-subscription", json=body, headers=person.headers, timeout=15)

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
