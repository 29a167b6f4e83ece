"""Faults during a soak: triggers that are killed or stopped, and parts that are unavailable for some seconds."""

import random
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from tests.faults.triggers import Trigger, Triggers
from tests.faults.wires import Wires, wired
from tests.faults.wires_line import Fault
from tests.world import World

PAUSE_SECONDS = (0.5, 4.0)
AWAY_SECONDS = (1.0, 8.0)
STRIPE: list[dict[str, Any]] = [
    {"kind": "status", "times": 3},
    {"kind": "status", "status": 429, "headers": {"Retry-After": "1"}, "times": 3},
    {"kind": "refuse", "times": 3},
    {"kind": "timeout", "times": 2},
    {"kind": "lost_answer", "times": 3},
    {"kind": "lost_answer", "after": "500", "times": 2},
    {"kind": "delay", "seconds": 2.0, "times": 8},
]


@dataclass
class Place:
    """A trigger and its wires, replaced together."""

    trigger: Trigger
    wires: Wires
    running: ExitStack


class Trouble:
    """Several triggers, never all stopped, and the faults injected into them."""

    def __init__(self, world: World, source: Triggers, chance: random.Random, triggers: int) -> None:
        self._world, self._source, self._chance, self._size = world, source, chance, triggers
        self._places: list[Place] = []
        self._over = threading.Event()
        self._befell: Counter[str] = Counter()
        self._thread = threading.Thread(target=self._go_on, name="trouble")

    def __enter__(self) -> "Trouble":
        for _ in range(self._size):
            self._places.append(self._opened())
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.end()
        for place in self._places:
            place.running.close()

    @property
    def triggers(self) -> list[Trigger]:
        """Return the current triggers, as a load balancer knows them."""
        return [place.trigger for place in [*self._places]]

    @contextmanager
    def going_on(self) -> Iterator[None]:
        self._thread.start()
        try:
            yield
        finally:
            self.end()

    def end(self) -> None:
        """Stop injecting faults."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()

    def line(self) -> str:
        return ", ".join(f"{what} {times}" for what, times in sorted(self._befell.items()))

    def figures(self) -> list[tuple[str, int]]:
        return sorted(self._befell.items())

    def _go_on(self) -> None:
        troubles = [self._kill, self._kill, self._stop, self._stripe, self._stripe, self._away]
        while not self._over.wait(self._chance.uniform(*PAUSE_SECONDS)):
            self._chance.choice(troubles)()

    def _kill(self) -> None:
        self._befell["killed"] += 1
        place = self._replaced()
        place.trigger.kill()
        place.running.close()

    def _stop(self) -> None:
        self._befell["stopped"] += 1
        place = self._replaced()
        place.trigger.terminate()
        if place.trigger.wait() != 0:
            self._befell["did not stop cleanly"] += 1
        place.running.close()

    def _stripe(self) -> None:
        fault = self._chance.choice(STRIPE)
        self._befell[f"Stripe {fault['kind']}"] += 1
        with self._world.simulator.fault(path="^/v1/subscriptions/", **fault):
            self._over.wait(self._chance.uniform(*AWAY_SECONDS))

    def _away(self) -> None:
        part, fault = self._chance.choice(["smtp", "pubsub"]), self._chance.choice([*Fault])
        self._befell[f"{part} {fault}"] += 1
        wires = [place.wires for place in self._places]
        for each in wires:
            each.fail(part, fault)
        self._over.wait(self._chance.uniform(*AWAY_SECONDS))
        for each in wires:
            each.restore(part)

    def _replaced(self) -> Place:
        """Return the replaced trigger; its successor is already running."""
        which = self._chance.randrange(len(self._places))
        place, self._places[which] = self._places[which], self._opened()
        return place

    def _opened(self) -> Place:
        running = ExitStack()
        wires = running.enter_context(wired("smtp", "pubsub"))
        return Place(running.enter_context(self._source.started(**wires.settings())), wires, running)
