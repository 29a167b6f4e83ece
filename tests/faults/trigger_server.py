"""Forks triggers from a process that has imported them: importing Prefect takes 3 s of processor time, a fork almost
none.

It also forks runs of flows, as a worker would start them.

`python -m tests.faults.trigger_server` reads orders and writes responses as lines of JSON. It ends with its standard
input, and its triggers always end with it.
"""

import asyncio
import gc
import json
import os
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

from prefect.context import refresh_global_settings_context

from deployments.command_line import main
from deployments.http.serve import serve as _imported_before_the_fork  # noqa: F401
from flows.call_customer import call_customer
from flows.categorize_reply import categorize_reply
from flows.handle_stripe_event import handle_stripe_event
from flows.route_call_result import route_call_result
from nodes.runs.fallback import run_flow

TASKS = Path("/proc/self/task")
# By name: the flow, and what it is run for.
FLOWS: dict[str, tuple[Any, Callable[[str], object]]] = {
    "handle-stripe-event": (handle_stripe_event, str),
    "call-customer": (call_customer, UUID),
    "route-call-result": (route_call_result, UUID),
    "categorize-reply": (categorize_reply, UUID),
}


class TriggerServer:
    """Starts triggers, and reaps them."""

    def __init__(self) -> None:
        self._ended: dict[int, int] = {}  # statuses, which the system reports once
        self._life, self._lives = os.pipe()  # a process with only the first end learns when the second closes

    def take_orders(self) -> None:
        """Serve until standard input ends."""
        for line in sys.stdin:
            order: dict[str, Any] = json.loads(line)
            response = self._start(**order["start"]) if "start" in order else self._status(order["ended"])
            sys.stdout.write(json.dumps(response) + "\n")
            sys.stdout.flush()

    def _start(self, environment: dict[str, str], log: str, run: tuple[str, str] | None = None) -> int:
        """Return the process id of a new trigger, or of a run of this flow for this id."""
        if TASKS.exists() and len(list(TASKS.iterdir())) > 1:
            raise RuntimeError("a fork copies one thread, and more are running")
        child = os.fork()
        if child == 0:
            self._work(environment, Path(log), run)
        return child

    def _status(self, child: int) -> int | None:
        """Return the exit status, negative for a signal; None while it runs."""
        if child not in self._ended:
            found, status = os.waitpid(child, os.WNOHANG)
            if not found:
                return None
            self._ended[child] = os.waitstatus_to_exitcode(status)
        return self._ended[child]

    def _work(self, environment: dict[str, str], log: Path, run: tuple[str, str] | None) -> None:
        """Do what `cancelflow serve` does, in a directory without a stack to join."""
        status = 1
        try:
            os.close(self._lives)
            _write_to(log)
            threading.Thread(target=_die_with, args=[self._life], daemon=True).start()
            os.chdir(log.parent)
            os.environ.clear()
            os.environ.update(environment)
            refresh_global_settings_context()  # Prefect read its settings when it was imported
            if run is None:
                sys.argv = ["cancelflow", "serve"]
                main()
            else:
                flow, identifier = FLOWS[run[0]]
                asyncio.run(run_flow(flow, identifier(run[1])))
                status = 0
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else 1
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status)


def _write_to(log: Path) -> None:
    nothing, output = os.open(os.devnull, os.O_RDONLY), os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for source, stream in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(source, stream)


def _die_with(life: int) -> None:
    os.read(life, 1)  # nothing is ever written: this returns when the server is gone
    os._exit(1)


if __name__ == "__main__":
    gc.freeze()  # keeps imports shared with every trigger, out of garbage collection
    TriggerServer().take_orders()
