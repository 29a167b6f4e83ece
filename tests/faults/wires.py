"""Proxies ("wires") between one trigger and the external systems: they record each effect, and can stop the process or
a part there.

The trigger knows of them only through its settings. A wire forwards everything unless a stop or fault is set.
"""

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import urlsplit

from tests.faults.wires_dialogue import Dialogue
from tests.faults.wires_http import Http
from tests.faults.wires_line import Fault, When, Wire
from tests.faults.wires_postgresql import PostgreSQL
from tests.faults.wires_pubsub import PubSub
from tests.faults.wires_smtp import Smtp

Returned = TypeVar("Returned")

CALL_SECONDS = 10.0
LOOK_SECONDS = 0.1  # between looks for connections that were just accepted
# The setting with each part's address.
SETTINGS = {
    "postgresql": "DATABASE_URL",
    "stripe": "STRIPE_API_BASE",
    "smtp": "SMTP_URL",
    "pubsub": "PUBSUB_EMULATOR_HOST",
    "prefect": "PREFECT_API_URL",
    "vendor": "CALL_WEBHOOK_URL",
}
# Calls to Prefect are not effects of the flow.
EFFECTS = ("postgresql", "stripe", "smtp", "pubsub")
# Without these the driver would negotiate encryption, and the wire could not read the traffic.
IN_THE_CLEAR = "sslmode=disable&gssencmode=disable"


class Stop:
    """An action at an effect. `reached` is set when it has happened."""

    def __init__(self, then: Callable[["Stop"], Awaitable[None]]) -> None:
        self.reached = threading.Event()
        self.released = asyncio.Event()
        self.then = then


class Wires:
    """All wires of one trigger. The public methods are for the test's thread.

    `alone`: the trigger resumes no request except its caller's (see wires_postgresql). Effects are identified by name,
    and repeats by `name #2`: some run concurrently, so their order means nothing.
    """

    def __init__(self, environment: Mapping[str, str], parts: Sequence[str], *, alone: bool) -> None:
        self.effects: list[str] = []
        self.called_again = threading.Event()  # the frozen process has made another call
        self.frozen = False
        self._environment = environment
        self._stops: dict[tuple[str, When], Stop] = {}
        dialogues: dict[str, Callable[[], Dialogue]] = {
            "postgresql": lambda: PostgreSQL(alone=alone),
            "stripe": Http,
            "smtp": Smtp,
            "pubsub": PubSub,
            "prefect": Dialogue,
            "vendor": Http,
        }
        self._wires = {part: Wire(self, _place(environment[SETTINGS[part]]), dialogues[part]) for part in parts}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="wires")

    def settings(self) -> dict[str, str]:
        """Return the settings of a trigger on these wires."""
        settings = {}
        for part, wire in self._wires.items():
            settings[SETTINGS[part]] = _moved(self._environment[SETTINGS[part]], wire.port)
        if database := settings.get("DATABASE_URL"):
            settings["DATABASE_URL"] = f"{database}{'&' if '?' in database else '?'}{IN_THE_CLEAR}"
        return settings

    def freeze_at(self, effect: str, when: When) -> Stop:
        """Block all traffic from this effect on."""

        async def freeze(_: Stop) -> None:
            self.frozen = True

        return self._stop(effect, when, freeze)

    def fail_at(self, effect: str, when: When, part: str, fault: Fault) -> Stop:
        """Make a part unavailable from this effect on."""

        async def fail(_: Stop) -> None:
            await self._wires[part].fail(fault)

        return self._stop(effect, when, fail)

    def hold_at(self, effect: str, when: When) -> Stop:
        """Hold this effect until `release`; everything else continues."""

        async def hold(stop: Stop) -> None:
            stop.reached.set()
            await stop.released.wait()

        return self._stop(effect, when, hold)

    def release(self, stop: Stop) -> None:
        """Release what `hold_at` holds."""
        self._loop.call_soon_threadsafe(stop.released.set)

    def fail(self, part: str, fault: Fault) -> None:
        """Make a part unavailable from now on."""
        self._do(self._wires[part].fail(fault))

    def restore(self, part: str) -> None:
        """Restore a part; connections that lost data meanwhile are cut."""
        self._do(self._wires[part].restore())

    def open(self) -> None:
        self._thread.start()
        for wire in self._wires.values():
            self._do(wire.restore())

    def close(self) -> None:
        self._do(self._leave())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def seen(self, label: str) -> str:
        """Name and record an effect that is about to pass; called by lines."""
        repeats = sum(1 for effect in self.effects if effect.partition(" #")[0] == label)
        name = f"{label} #{repeats + 1}" if repeats else label
        self.effects.append(name)
        return name

    def stops(self, effect: str, when: When) -> bool:
        """Return whether something is to happen at an effect; called by lines."""
        return (effect, when) in self._stops

    async def at(self, effect: str, when: When) -> None:
        """Carry out what is to happen at an effect; called by lines."""
        if stop := self._stops.get((effect, when)):
            await stop.then(stop)
            stop.reached.set()

    def _stop(self, effect: str, when: When, then: Callable[[Stop], Awaitable[None]]) -> Stop:
        self._stops[effect, when] = stop = Stop(then)
        return stop

    async def _leave(self) -> None:
        """Cut every line, and wait until all ended; a connection that was just accepted becomes a line meanwhile."""
        while True:
            for wire in self._wires.values():
                wire.leave()
            left = asyncio.all_tasks() - {asyncio.current_task()}
            if not left:
                return
            await asyncio.wait(left, timeout=LOOK_SECONDS)

    def _do(self, work: Coroutine[Any, Any, Returned]) -> Returned:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(CALL_SECONDS)


@contextmanager
def wired(*parts: str, alone: bool = False, settings: Mapping[str, str] | None = None) -> Iterator[Wires]:
    """Open wires to these parts, or all with effects; their addresses come from these settings or the environment."""
    wires = Wires({**os.environ, **(settings or {})}, parts or EFFECTS, alone=alone)
    wires.open()
    try:
        yield wires
    finally:
        wires.close()


def _place(address: str) -> tuple[str, int]:
    found = urlsplit(address if "//" in address else f"//{address}")
    assert found.hostname, address
    assert found.port, address
    return found.hostname, found.port


def _moved(address: str, port: int) -> str:
    """Return the address with this port on loopback."""
    host, old = _place(address)
    assert address.count(f"{host}:{old}") == 1, "the host and port must occur once in the address"
    return address.replace(f"{host}:{old}", f"127.0.0.1:{port}")
