"""`make bench`: the trigger compared with a bare handler, on a separate embedded stack. See README, "How fast".

python -m tests.bench [--deletion-users 100000]
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

import httpx

from deployments.local.stack import PARTS, Stack
from tests.bench import history, rates, report
from tests.bench.deletion import delete
from tests.bench.imports import fill, import_all
from tests.bench.load import CANCEL, OFFERS, OPEN_PAGE, PAUSE, SHOW_SCREEN, Call
from tests.bench.measure import Measured, measure
from tests.bench.processes import Processes
from tests.bench.report import Pair, Report
from tests.bench.sides import TRIGGER, Side, bare_side
from tests.conftest import OUTSIDE
from tests.world import Simulator

OUTPUT = Path(".local/bench.json")
NEAR, FAR = 0.02, 0.3  # seconds that Stripe takes
PAST_RUNS = 20_000
IMPORTED = 10_000
BURST = 500
WITHIN_SECONDS = 20.0  # the longest wait for unfinished work: the rest of a burst is not counted
CONCURRENCY = 16
WARM_UP = 4
WARMED_UP = (CANCEL, PAUSE, OFFERS, OPEN_PAGE, SHOW_SCREEN)
ONE = "one at a time, Stripe 20 ms"
ONE_FAR = "one at a time, Stripe 300 ms"
SIXTEEN = "16 concurrent, Stripe 20 ms"
SIXTEEN_FAR = "16 concurrent, Stripe 300 ms"
ONE_PAST = "one at a time, 20,000 past runs"
SIXTEEN_PAST = "16 concurrent, 20,000 past runs"
ECHO = "16 concurrent, with Stripe's webhooks"
BURST_OF = "burst of 500"
PAUSE_ONE = "accept a pause, one at a time, Stripe 20 ms"
PAUSE_ONE_FAR = "accept a pause, one at a time, Stripe 300 ms"
OFFERS_ONE = "GET /offers, one at a time, Stripe 20 ms"
OFFERS_ONE_FAR = "GET /offers, one at a time, Stripe 300 ms"
OPEN_ONE = "open the cancel page, one at a time, Stripe 20 ms"
OPEN_FIFTY = "open the cancel page, 50 concurrent, Stripe 20 ms"
SCREEN_ONE = "a screen of the cancel page, one at a time, Stripe 20 ms"
SCREEN_FIFTY = "a screen of the cancel page, 50 concurrent, Stripe 20 ms"
# The paired measurements: runs per side, concurrency, Stripe's seconds, number of pairs, and what is called.
PAIRS = {
    ONE: (12, 1, NEAR, 3, CANCEL),
    SIXTEEN: (48, CONCURRENCY, NEAR, 2, CANCEL),
    ONE_FAR: (6, 1, FAR, 2, CANCEL),
    SIXTEEN_FAR: (32, CONCURRENCY, FAR, 1, CANCEL),
    PAUSE_ONE: (12, 1, NEAR, 3, PAUSE),
    PAUSE_ONE_FAR: (6, 1, FAR, 2, PAUSE),
    OFFERS_ONE: (12, 1, NEAR, 3, OFFERS),
    OFFERS_ONE_FAR: (6, 1, FAR, 2, OFFERS),
    OPEN_ONE: (12, 1, NEAR, 3, OPEN_PAGE),
    OPEN_FIFTY: (100, 50, NEAR, 1, OPEN_PAGE),
    SCREEN_ONE: (12, 1, NEAR, 3, SHOW_SCREEN),
    SCREEN_FIFTY: (100, 50, NEAR, 1, SHOW_SCREEN),
}
ALONE = {ONE_PAST: (12, 1), SIXTEEN_PAST: (32, CONCURRENCY)}
ECHOED = 32


class Bench:
    """One run of all measurements."""

    def __init__(self, stack: Stack, bare: Side, deletion_users: int, began: float) -> None:
        self._addresses = {name: str(address) for name, address in stack.addresses.items()}
        self._database = self._addresses["database_admin_url"]
        self._prefect = self._database.replace("/cancelflow", "/prefect")
        self._trigger, self._bare = Side(TRIGGER, self._addresses["http"], self._database), bare
        self._simulator = Simulator(self._addresses["stripe"])
        self._deletion_users, self._began = deletion_users, began
        self._processes = Processes()
        self._report = Report(report.machine(self._database))

    def run(self) -> Report:
        """Run all measurements; the burst last, because it leaves unfinished work."""
        self._webhooks(paused=True)
        self._seed()
        for call in WARMED_UP:
            for side in (self._bare, self._trigger):
                self._measure(side, WARM_UP, 1, NEAR, call)
        for what, (runs, concurrency, seconds, pairs, call) in PAIRS.items():
            for number in range(1, pairs + 1):
                self._pair(what, runs, concurrency, seconds, f"{number} of {pairs}", call)
        self._echo()
        self._beside()
        self._say(f"filling in {PAST_RUNS} past runs")
        history.fill(self._database, self._prefect, PAST_RUNS)
        self._measure(self._trigger, WARM_UP, 1, NEAR)
        for what, (runs, concurrency) in ALONE.items():
            self._report.alone[what] = self._shown(what, self._measure(self._trigger, runs, concurrency, NEAR))
        self._pair(BURST_OF, BURST, BURST, NEAR, f"{WITHIN_SECONDS:.0f} s of it")
        self._report.megabytes = self._processes.megabytes()
        return self._report

    def _seed(self) -> None:
        both = WARM_UP * len(WARMED_UP) + BURST + sum(runs * pairs for runs, _, _, pairs, _ in PAIRS.values())
        only = WARM_UP + ECHOED + sum(runs for runs, _ in ALONE.values())
        for side, customers in ((self._bare, both), (self._trigger, both + only)):
            self._say(f"making {customers} customers for the {side.name}")
            side.seed(customers)

    def _pair(self, what: str, runs: int, concurrency: int, seconds: float, which: str, call: Call = CANCEL) -> None:
        bare, trigger = (self._measure(side, runs, concurrency, seconds, call) for side in (self._bare, self._trigger))
        pair = Pair(bare, trigger)
        self._report.pairs.setdefault(what, []).append(pair)
        self._shown(f"{what}, {which}", bare)
        self._shown(
            f"{what}, {which}", trigger, f", {pair.ratio:.2f} times the bare handler's, {pair.difference:+.0f} ms"
        )

    def _measure(self, side: Side, runs: int, concurrency: int, seconds: float, call: Call = CANCEL) -> Measured:
        with self._simulator.fault(kind="delay", seconds=seconds, times=0):
            return measure(side, self._processes, runs, concurrency, self._prefect, WITHIN_SECONDS, call)

    def _echo(self) -> None:
        """Measure with webhooks: Stripe reports each of our writes, and the trigger processes it in a separate run."""
        self._webhooks(paused=False)
        self._report.alone[ECHO] = self._shown(ECHO, self._measure(self._trigger, ECHOED, CONCURRENCY, NEAR))
        self._webhooks(paused=True)

    def _beside(self) -> None:
        found = self._report.rates
        found["emails written"] = rates.emails_a_second()
        found["Stripe's events taken in"] = rates.events_a_second(self._addresses, os.environ["STRIPE_WEBHOOK_SECRETS"])
        self._say(f"deleting {self._deletion_users} users whose time has come")
        done = delete(self._deletion_users)
        found[f"users deleted, of {self._deletion_users} due"] = self._deletion_users / done.seconds
        self._say(f"importing {IMPORTED} customers")
        fill(IMPORTED)
        imported = import_all(self._database)
        found[f"customers imported, of {IMPORTED}"] = imported.subscriptions / imported.seconds
        for what, rate in found.items():
            self._say(f"{what}: {rate:.0f} a second")

    def _webhooks(self, *, paused: bool) -> None:
        httpx.delete(f"{self._addresses['stripe']}/_simulator/webhooks").raise_for_status()
        httpx.post(f"{self._addresses['stripe']}/_simulator/webhooks", json={"paused": paused}).raise_for_status()

    def _shown(self, what: str, measured: Measured, more: str = "") -> Measured:
        median = measured.responses.milliseconds(50)
        if measured.side == TRIGGER and measured.shown < measured.finished:
            more += f"; Prefect shows {measured.shown} of {measured.finished}"
        self._say(f"{what}, {measured.side}: {median:.0f} ms, {measured.a_second:.1f} finished a second{more}")
        return measured

    def _say(self, text: str) -> None:
        print(f"{time.monotonic() - self._began:5.0f} s  {text}", flush=True)  # noqa: T201


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("--deletion-users", type=int, default=1000)
    wanted = parser.parse_args()
    began = time.monotonic()
    OUTPUT.parent.mkdir(exist_ok=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(OUTSIDE)}
    parts = [part for part in PARTS if part not in ("deployments", "worker")]  # nothing here is started from the UI
    with (
        tempfile.TemporaryDirectory(dir=OUTPUT.parent, prefix="bench-") as directory,
        Stack(Path(directory), environment=environment, parts=parts) as stack,
    ):
        os.environ.update(stack.environment)
        admin, application = (str(stack.addresses[name]) for name in ("database_admin_url", "database_url"))
        os.environ["DATABASE_ADMIN_URL"] = admin
        with bare_side(admin, application, Path(directory) / "logs" / "bare.log") as bare:
            found = Bench(stack, bare, wanted.deletion_users, began).run()
    content = found.as_json(ONE, SIXTEEN)
    content["seconds"] = round(time.monotonic() - began)
    report.write(OUTPUT, content)
    lines = [*found.lines(), "", str(content["machine"])]
    lines.append(f"ratio_one {content['ratio_one']}, finished_per_second_16 {content['finished_per_second_16']}")
    print("\n".join([*lines, f"{content['seconds']} s, written to {OUTPUT}"]))  # noqa: T201


if __name__ == "__main__":
    main()
