"""A trigger killed during its requests: another resumes each from its recovery point, once."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
import pytest

from tests.ports import free_port
from tests.waiting import eventually
from tests.world import Person, World


@dataclass(frozen=True)
class InterruptedRequest:
    """A request whose process dies during a call to Stripe, which Stripe carries out afterwards or not at all."""

    person: Person
    accept: bool
    done_by_stripe: bool


def test_the_requests_of_a_killed_process_are_completed_once(world: World, tmp_path: Path) -> None:
    requests = [
        InterruptedRequest(world.person("professional"), accept, done)
        for accept in (False, True)
        for done in (False, True)
    ]
    with ExitStack() as faults:
        hits = [faults.enter_context(_holding_up(world, each)) for each in requests]
        _kill_in_the_middle(tmp_path, requests, when=lambda: all(each() == 1 for each in hits))
        for each in requests:
            if each.done_by_stripe:
                eventually(partial(_took_effect, world, each.person))

    for each in requests:
        world.admin.execute(
            "UPDATE cancellation_requests SET resume_at = now() WHERE user_id = %s", [each.person.user_id]
        )
    for each in requests:
        eventually(partial(_is_done, world, each.person))
        _assert_done_once(world, each)


def _holding_up(world: World, each: InterruptedRequest) -> AbstractContextManager[Callable[[], int]]:
    kind = "delay" if each.done_by_stripe else "timeout"
    return world.simulator.fault(kind=kind, method="POST", contains=each.person.subscription_id, seconds=2.5)


def _assert_done_once(world: World, each: InterruptedRequest) -> None:
    done = _request(world, each.person)
    found = world.stripe.subscriptions.retrieve(each.person.subscription_id)
    assert done["outcome"] == ("retained" if each.accept else "pending_cancellation")
    assert done["runs"] == 2
    assert len(found.discounts) == (1 if each.accept else 0)
    assert found.cancel_at_period_end is not each.accept
    writes = [w for w in world.simulator.writes(each.person.subscription_id) if w["status"] == 200]
    assert len([w for w in writes if not w["replayed"]]) == 1
    assert len(world.emails(each.person)) == (0 if each.accept else 1)


def _request(world: World, person: Person) -> dict[str, object]:
    return world.row("SELECT outcome, runs, resume_at FROM cancellation_requests WHERE user_id = %s", person.user_id)


def _is_done(world: World, person: Person) -> bool:
    return _request(world, person)["resume_at"] is None


def _took_effect(world: World, person: Person) -> bool:
    return [write["status"] for write in world.simulator.writes(person.subscription_id)] == [200]


def _kill_in_the_middle(directory: Path, requests: list[InterruptedRequest], *, when: Callable[[], bool]) -> None:
    port = free_port()
    command = [sys.executable, "-m", "deployments.command_line", "serve"]
    url = f"http://127.0.0.1:{port}"

    def ask(each: InterruptedRequest) -> None:
        body = {"user_id": each.person.user_id, "reason": "unused", "accept_offer": each.accept}
        with pytest.raises(httpx.TransportError):
            httpx.post(f"{url}/cancel-subscription", json=body, headers=each.person.headers, timeout=15)

    with (directory / "trigger.log").open("wb") as log:
        process = subprocess.Popen(command, env={**os.environ, "HTTP_PORT": str(port)}, stdout=log, stderr=log)
    try:
        eventually(lambda: _responds(url))
        pool = ThreadPoolExecutor(len(requests))
        asking = [pool.submit(ask, each) for each in requests]
        eventually(when)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    for each in asking:
        each.result()
    pool.shutdown()


def _responds(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz").status_code == 200
    except httpx.TransportError:
        return False
