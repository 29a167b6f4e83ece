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
from tests.faults.promise import Customer, Reply, broken
from tests.faults.topic import Topic
from tests.faults.triggers import Trigger
from tests.soak.trouble import Trouble
from tests.waiting import eventually
from tests.world import World

SEEDED_AT_A_TIME = 10
CANDIDATES = tuple(case for case in CASES if case.name in ("starter", "professional", "enterprise"))
UNFINISHED = "SELECT id FROM cancellation_requests WHERE resume_at IS NOT NULL"


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
        statuses = self._statuses()
        left = len(self._world.rows(UNFINISHED))
        slowest = f"slowest {self._slowest:.1f} s"
        return f"{statuses.total()} requests {dict(sorted(statuses.items()))}, {left} unfinished, {slowest};"

    def figures(self) -> list[tuple[str, object]]:
        names = {0: "no response"}
        statuses = [
            (f"responded {names.get(status, status)}", times) for status, times in sorted(self._statuses().items())
        ]
        return [
            ("customers", len(self._customers)),
            ("requests", self._statuses().total()),
            *statuses,
            ("slowest, s", self._slowest),
        ]

    def until_done(self, within: float) -> float:
        """Wait until no work is left, without hurrying any, and return the seconds."""
        began = time.monotonic()
        eventually(lambda: not self._world.rows(UNFINISHED), within=within, every=1.0)
        return time.monotonic() - began

    def wrong(self, topic: Topic) -> list[str]:
        return [
            f"{each.person.user_id}: {wrong}" for each in self._customers for wrong in broken(self._world, each, topic)
        ]

    def _keep_asking(self, chance: random.Random) -> None:
        while not self.stopped.is_set():
            cases = tuple(chance.choice(CANDIDATES) for _ in range(SEEDED_AT_A_TIME))
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
        status = customer.replies[-1].status
        if key and (status in (0, 500, 503) or chance.random() < 0.2):
            self._ask(customer, chance, accept, key)
        elif chance.random() < 0.2:
            self._ask(customer, chance, chance.random() < 0.5, None)

    def _ask(self, customer: Customer, chance: random.Random, accept: bool, key: str | None) -> None:
        trigger: Trigger = chance.choice(self._trouble.triggers)
        ask = trigger.accept if accept else trigger.cancel
        began = time.monotonic()
        customer.replies.append(Reply.by(partial(ask, customer.person, key=key), accept=accept, key=key))
        self._slowest = max(self._slowest, time.monotonic() - began)

    def _statuses(self) -> Counter[int]:
        return Counter(reply.status for each in [*self._customers] for reply in each.replies)
