"""`python -m tests.soak --minutes 60`: random requests, kills and outages; then every effect is counted."""

import argparse
import os
import random
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import typer

from deployments.local.stack import Stack
from tests.faults.tables import Table
from tests.faults.topic import subscribed
from tests.faults.triggers import Triggers
from tests.soak.trouble import Trouble
from tests.soak.visitors import Visitors
from tests.world import World

PROGRESS_SECONDS = 30.0
FINISH_SECONDS = 900.0
TRIGGERS = 3


def main() -> int:
    """Run the soak, and return 1 if any part of the promise is broken."""
    asked = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    asked.add_argument("--minutes", type=float, default=60.0)
    asked.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    asked.add_argument("--callers", type=int, default=6, help="customers who ask at the same time")
    given = asked.parse_args()
    typer.echo(f"seed {given.seed}, {given.minutes:g} minutes, {given.callers} callers, {TRIGGERS} triggers")
    with ExitStack() as running:
        directory = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="cancelflow-soak-")))
        stack = running.enter_context(Stack(directory / "stack", progress=lambda _: None))
        os.environ.update(stack.environment)
        world = World(dict(stack.addresses))
        running.callback(world.close)
        source = Triggers(directory)
        running.callback(source.close)
        topic = running.enter_context(subscribed())
        trouble = running.enter_context(Trouble(world, source, random.Random(given.seed), TRIGGERS))
        visitors = Visitors(world, trouble, given.seed, given.callers)
        _go_on(visitors, trouble, time.monotonic() + 60 * given.minutes)
        trouble.end()
        waited = visitors.until_done(FINISH_SECONDS)
        wrong = visitors.wrong(topic)
    _show(visitors, trouble, waited, wrong)
    return 1 if wrong else 0


def _go_on(visitors: Visitors, trouble: Trouble, until: float) -> None:
    began = time.monotonic()
    with visitors.asking(), trouble.going_on():
        while (left := until - time.monotonic()) > 0:
            visitors.stopped.wait(min(left, PROGRESS_SECONDS))
            typer.echo(f"{time.monotonic() - began:6.0f} s  {visitors.line()}  {trouble.line()}")


def _show(visitors: Visitors, trouble: Trouble, waited: float, wrong: list[str]) -> None:
    shown = Table("soak", ("what", "how many"))
    for what, how_many in [*visitors.figures(), *trouble.figures()]:
        shown.add(what, how_many)
    shown.add("until all work was done, s", waited)
    shown.add("promises broken", len(wrong))
    typer.echo("\n".join(["", *shown.lines(), *wrong]))


if __name__ == "__main__":
    sys.exit(main())
