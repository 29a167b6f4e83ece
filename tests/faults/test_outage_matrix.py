"""The outage matrix: each part unavailable, before a request and during one, in every possible way.

Every caller gets a response, which is true: done; in progress, and then done when the part is back; failed or not
received, and then nothing was done, and a retry with the same key does it.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from tests.faults.branches import ACCEPT, CANCEL, Branch
from tests.faults.offer_branches import DISCOUNTED, EXTENDED, PAUSED, SWITCHED, Acceptance
from tests.faults.outage_bench import BARRIER_SECONDS, Bench
from tests.faults.outages import BEFORE_THE_REQUEST, DONE, GAVE_UP, GOES_ON, NOT_RECEIVED, Outage
from tests.faults.own_database import own_server
from tests.faults.tables import table
from tests.faults.topic import subscribed
from tests.faults.triggers import Triggers
from tests.faults.wires_line import Fault, When
from tests.world import World

pytestmark = pytest.mark.slow

BOTH = (CANCEL, ACCEPT)
OFFERS = (PAUSED, DISCOUNTED, SWITCHED, EXTENDED)
INTENT = "receive_cancellation"
WRITE = "POST /v1/subscriptions/{id}"
FAILURE_RECORDED = "finish_cancellation, write_audit"
PARTS = ("postgresql", "stripe", "smtp", "pubsub", "prefect")
HELD_AT_A_TIME = 8
NOT_WAITED_FOR = ("smtp", "pubsub")

# The network to a part fails: in which branch, when, and the permitted responses. A busy machine may need the caller's
# whole deadline for anything.
CUTS: list[tuple[str, Branch | Acceptance, str, set[int]]] = [
    *(("stripe", branch, begins, {GAVE_UP, GOES_ON}) for branch in BOTH for begins in (BEFORE_THE_REQUEST, WRITE)),
    *(("postgresql", branch, BEFORE_THE_REQUEST, {NOT_RECEIVED}) for branch in BOTH),
    ("postgresql", CANCEL, "cancellation_scheduled", {GOES_ON}),
    ("postgresql", ACCEPT, "offer_applied, discount_applied", {GOES_ON}),
    *(("smtp", CANCEL, begins, {DONE, GOES_ON}) for begins in (BEFORE_THE_REQUEST, "email")),
    *(("pubsub", CANCEL, begins, {DONE, GOES_ON}) for begins in (BEFORE_THE_REQUEST, "publish subscription.canceled")),
    *(("prefect", branch, BEFORE_THE_REQUEST, {DONE, GOES_ON}) for branch in BOTH),
    *(("prefect", branch, WRITE, {DONE, GOES_ON}) for branch in BOTH),
    *(("stripe", offer, BEFORE_THE_REQUEST, {GAVE_UP, GOES_ON}) for offer in OFFERS),
    *(("stripe", offer, WRITE, {GAVE_UP, GOES_ON}) for offer in OFFERS if offer is not SWITCHED),
    ("stripe", SWITCHED, "POST /v1/subscription_schedules", {GAVE_UP, GOES_ON}),
    ("stripe", SWITCHED, "POST /v1/subscription_schedules/{id}", {GAVE_UP, GOES_ON}),
    ("postgresql", PAUSED, BEFORE_THE_REQUEST, {NOT_RECEIVED}),
    *(("postgresql", offer, "change_applied", {GOES_ON}) for offer in OFFERS),
    *(("smtp", PAUSED, begins, {DONE, GOES_ON}) for begins in (BEFORE_THE_REQUEST, "email")),
    *(("pubsub", PAUSED, begins, {DONE, GOES_ON}) for begins in (BEFORE_THE_REQUEST, "publish subscription.changed")),
    *(("prefect", offer, BEFORE_THE_REQUEST, {DONE, GOES_ON}) for offer in OFFERS),
]

# Stripe's responses, on which of its calls, and the permitted responses. `times` 0: each time.
FROM_THE_FIRST, ON_THE_WRITE, AND_AFTER = "from the first call on", "on the write", "on the write and after it"
KEY_IN_USE = {"type": "idempotency_error", "code": "idempotency_key_in_use"}
RESPONSES: list[tuple[str, dict[str, Any], dict[str, set[int]]]] = [
    (
        "429 with Retry-After",
        {"kind": "status", "status": 429, "headers": {"Retry-After": "1"}, "times": 0},
        {FROM_THE_FIRST: {GAVE_UP}, ON_THE_WRITE: {GAVE_UP}, AND_AFTER: {GAVE_UP}},
    ),
    (
        "500",
        {"kind": "status", "times": 0},
        {FROM_THE_FIRST: {GAVE_UP}, ON_THE_WRITE: {GAVE_UP}, AND_AFTER: {GAVE_UP}},
    ),
    ("500, kept for its key", {"kind": "status", "stored": True}, {ON_THE_WRITE: {GAVE_UP}, AND_AFTER: {GAVE_UP}}),
    (
        "response lost",
        {"kind": "lost_answer", "times": 0},
        {ON_THE_WRITE: {DONE, GOES_ON}, AND_AFTER: {GAVE_UP, GOES_ON}},
    ),
    (
        "409, key in use",
        {"kind": "status", "status": 409, "error": KEY_IN_USE, "times": 0},
        {ON_THE_WRITE: {GAVE_UP}, AND_AFTER: {GAVE_UP}},
    ),
]


def cuts() -> Iterator[tuple[Outage, Fault]]:
    for part, branch, begins, permitted in CUTS:
        for fault in Fault:
            outage = Outage(part, fault, begins, branch, permitted)
            outage.waited_for = part not in NOT_WAITED_FOR
            outage.shown = (part, begins) != ("prefect", BEFORE_THE_REQUEST)
            yield outage, fault


def stripe_responses() -> Iterator[tuple[Outage, list[dict[str, Any]]]]:
    for name, fault, permitted_when in RESPONSES:
        for begins, permitted in permitted_when.items():
            for branch in (*BOTH, PAUSED, EXTENDED):
                outage = Outage("stripe", name, begins, branch, permitted, loses=fault["kind"] == "lost_answer")
                yield outage, simulated(fault, begins)


def simulated(fault: dict[str, Any], begins: str) -> list[dict[str, Any]]:
    """Return the simulator's faults, of which the first matching one applies to a call."""
    if begins == FROM_THE_FIRST:
        return [fault]
    on_the_write = [{**fault, "method": "POST", "path": "/v1/subscriptions/"}]
    # The read before the write succeeds, and none after it.
    first_look = {"kind": "delay", "seconds": 0, "method": "GET"}
    return on_the_write + [first_look, {"kind": "status", "method": "GET", "times": 0}] * (begins == AND_AFTER)


def restarts(bench: Bench) -> Iterator[tuple[Outage, When]]:
    """Yield one restart at each effect; at the commit of the intent, also one that loses its response."""
    for branch in BOTH:
        for effect in bench.effects_of(branch):
            intent = INTENT in effect
            permitted = {NOT_RECEIVED} if intent else {DONE, GOES_ON}
            yield Outage("postgresql", "restarted", effect, branch, permitted), When.BEFORE
            if intent:
                yield Outage("postgresql", "restarted", effect, branch, permitted, loses=True), When.RESPONSE_LOST


def restart(bench: Bench, outages: list[Outage], threads: ThreadPoolExecutor) -> None:
    """Start the outages of the server itself. Returns after the last restart: all other databases are on it too."""
    at_effects = [*restarts(bench)]
    away = [Outage("postgresql", "stopped", BEFORE_THE_REQUEST, branch, {NOT_RECEIVED}) for branch in BOTH]
    outages += [*away, *(outage for outage, _ in at_effects)]

    stopped = Barrier(len(away), action=bench.server.stop)
    started = Barrier(len(away) + 1, action=bench.server.start)
    for outage in away:
        threads.submit(bench.stopped, outage, stopped, started)
    started.wait(BARRIER_SECONDS)

    for first in range(0, len(at_effects), HELD_AT_A_TIME):
        held = at_effects[first : first + HELD_AT_A_TIME]
        ready, responded = Barrier(len(held)), Barrier(len(held) + 1)
        restarted = Barrier(len(held), action=bench.server.restart)
        for outage, when in held:
            threads.submit(bench.held, outage, when, ready, restarted, responded)
        responded.wait(BARRIER_SECONDS)
    bench.calm.set()


@pytest.fixture(scope="module")
def outages(world: World, triggers: Triggers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Outage]]:
    seen: list[Outage] = []
    with (
        own_server(tmp_path_factory.mktemp("server")) as server,
        subscribed() as topic,
        # The stack's own trigger has another database: it would treat these events as cancellations made elsewhere.
        world.simulator.losing_webhooks(),
    ):
        bench = Bench(world, triggers, server, topic)
        # After the last restart every trigger connects again, so that no other outage begins before all have finished.
        with ThreadPoolExecutor(100) as threads:
            restart(bench, seen, threads)
        with ThreadPoolExecutor(100) as threads:
            by_stripe = [*stripe_responses()]
            seen += [outage for outage, _ in by_stripe]
            threads.submit(bench.faulty_responses, by_stripe)
            for outage, fault in cuts():
                seen.append(outage)
                threads.submit(bench.cut, outage, fault)
            for fault in Fault:
                outage = Outage("postgresql", fault, FAILURE_RECORDED, CANCEL, {GAVE_UP, GOES_ON})
                seen.append(outage)
                threads.submit(bench.failed_and_unread, outage, fault)
    yield seen
    show(seen)


def show(outages: list[Outage]) -> None:
    columns = ("part", "fault", "begins", "tried", "survived", "status", "response after, s", "done after, s")
    shown = table("parts away", *columns)
    rows: dict[tuple[str, str, str], list[Outage]] = {}
    for outage in sorted(outages, key=lambda outage: PARTS.index(outage.part)):
        at_an_effect = outage.fault == "restarted"
        rows.setdefault((outage.part, outage.fault, "at each effect" if at_an_effect else outage.begins), []).append(
            outage
        )
    for names, seen in [*rows.items(), (("all", "", ""), outages)]:
        survived = sum(1 for outage in seen if not outage.wrong)
        statuses = ", ".join(sorted({str(outage.status) for outage in seen}))
        seconds, after = max(outage.seconds for outage in seen), max(outage.after for outage in seen)
        shown.add(*names, len(seen), survived, statuses, seconds, after)


@pytest.mark.parametrize("part", PARTS)
def test_every_response_during_an_outage_comes_true(outages: list[Outage], part: str) -> None:
    of_part = [outage for outage in outages if outage.part == part]
    wrong = [str(outage) for outage in of_part if outage.wrong]

    assert len(of_part) >= len(Fault)
    assert not wrong, "\n".join(wrong)
