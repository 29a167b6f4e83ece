"""The customers of a soak: each sends one or two requests to triggers that die, and remembers the responses."""

import random
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

from deployments.demo.boundary import PartFailed
from deployments.demo.cases import CASES
from deployments.demo.customers import seed
from nodes.settings import SeedSettings, load
from tests.faults.promise import Customer, Told, broken
from tests.faults.topic import Topic
from tests.faults.triggers import Trigger
from tests.soak.trouble import Trouble
from tests.waiting import eventually
from tests.world import World

SEEDED_AT_ONCE = 10
CANDIDATES = tuple(case for case in CASES if case.name in ("starter", "professional", "enterprise"))
LEFT = "SELECT id FROM cancellation_requests WHERE resume_at IS NOT NULL"


class Visitors:
    """Customers, as many at a time as there are threads."""

    def __init__(self, world: World, trouble: Trouble, seed_of_chance: int, callers: int) -> None:
        self._world, self._trouble = world, trouble
        self._seed, self._callers = seed_of_chance, callers
        self.stopped = threading.Event()
        self._customers: list[Customer] = []
        self._slowest = 0.0

    @contextmanager
    def asking(self) -> Iterator[None]:
        with ThreadPoolExecutor(self._callers) as threads:
            asking = [
                threads.submit(self._keep_asking, random.Random(self._seed + each)) for each in range(self._callers)
            ]
            try:
                yield
            finally:
                self.stopped.set()
        for each in asking:
            each.result()

    def line(self) -> str:
        told = self._told()
        left = len(self._world.rows(LEFT))
        return (
            f"{told.total()} requests {dict(sorted(told.items()))}, {left} unfinished, slowest {self._slowest:.1f} s;"
        )

    def figures(self) -> list[tuple[str, object]]:
        heard = {0: "no answer"}
        told = [(f"told {heard.get(status, status)}", times) for status, times in sorted(self._told().items())]
        return [
            ("customers", len(self._customers)),
            ("requests", self._told().total()),
            *told,
            ("slowest, s", self._slowest),
        ]

    def until_peace(self, within: float) -> float:
        """Wait until no work is left, without hurrying any, and return the seconds."""
        began = time.monotonic()
        eventually(lambda: not self._world.rows(LEFT), within=within, every=1.0)
        return time.monotonic() - began

    def wrong(self, topic: Topic) -> list[str]:
        return [
            f"{each.person.user_id}: {wrong}" for each in self._customers for wrong in broken(self._world, each, topic)
        ]

    def _keep_asking(self, chance: random.Random) -> None:
        while not self.stopped.is_set():
            cases = tuple(chance.choice(CANDIDATES) for _ in range(SEEDED_AT_ONCE))
            try:
                made = seed(load(SeedSettings), progress=lambda _: None, cases=cases)
            except PartFailed:  # faults at Stripe also affect creating a customer
                continue
            for each in made:
                if self.stopped.is_set():
                    return
                customer = Customer(self._world.known(each))
                self._customers.append(customer)
                self._visit(customer, chance)

    def _visit(self, customer: Customer, chance: random.Random) -> None:
        key = str(uuid.UUID(int=chance.getrandbits(128), version=4)) if chance.random() < 0.7 else None
        accept = chance.random() < 0.4
        self._ask(customer, chance, accept, key)
        heard = customer.told[-1].status
        if key and (heard in (0, 500, 503) or chance.random() < 0.2):
            self._ask(customer, chance, accept, key)
        elif chance.random() < 0.2:
            self._ask(customer, chance, chance.random() < 0.5, None)

    def _ask(self, customer: Customer, chance: random.Random, accept: bool, key: str | None) -> None:
        trigger: Trigger = chance.choice(self._trouble.triggers)
        ask = trigger.accept if accept else trigger.cancel
        began = time.monotonic()
        customer.told.append(Told.by(partial(ask, customer.person, key=key), accept=accept, key=key))
        self._slowest = max(self._slowest, time.monotonic() - began)

    def _told(self) -> Counter[int]:
        return Counter(told.status for each in [*self._customers] for told in each.told)
