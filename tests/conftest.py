"""One embedded stack for the whole test run, or for each of its processes, with its own ports and directory.

Starting it takes half a minute. While writing tests, keep one running (`cancelflow up --directory /tmp/stack`) and name
it: `TEST_STACK=/tmp/stack .venv/bin/pytest …`. It runs the code with which it was started.
"""

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from dotenv import dotenv_values

from deployments.local.stack import FOR_A_CANCELLATION, PARTS, Stack
from tests.faults.tables import TABLES, Table
from tests.world import World

pytest_plugins = ["tests.companys_guests"]

# Settings that name external services; tests use the stack's own instead.
OUTSIDE = (
    *("DATABASE", "PREFECT", "STRIPE", "GOOGLE", "PUBSUB", "SMTP", "JWT", "HTTP_", "PUBLIC_URL", "LINK_SECRET"),
    "SESSION_",
    "WEBHOOK",
    "SERVICE_TOKENS",
    "CONSENT_",
    "CALL",
    "REPLY_",
)

Addresses = dict[str, Any]

# The same examples on each run, and no deadline on slow machines.
hypothesis.settings.register_profile(
    "cancelflow", deadline=None, derandomize=True, suppress_health_check=list(hypothesis.HealthCheck)
)
hypothesis.settings.load_profile("cancelflow")


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Addresses]:
    """Start the embedded stack, put its settings into the environment, and yield its addresses."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(OUTSIDE)]:
            patch.delenv(name)
        if kept := os.environ.get("TEST_STACK"):
            for name, value in dotenv_values(Path(kept) / "stack.env").items():
                patch.setenv(name, value or "")
            yield json.loads((Path(kept) / "stack.json").read_text())
            return
        directory, parts = tmp_path_factory.mktemp("stack"), parts_for(request.session.items)
        with Stack(directory, parts=parts, progress=lambda _: None) as running:
            for name, value in running.environment.items():
                patch.setenv(name, value)
            yield dict(running.addresses)


def parts_for(tests: Iterable[pytest.Item]) -> tuple[str, ...]:
    """Return the stack's parts. Only slow tests need Prefect's worker and deployments, which take long to start."""
    return PARTS if any(test.get_closest_marker("slow") for test in tests) else FOR_A_CANCELLATION


@pytest.fixture(scope="session")
def world(stack: Addresses) -> Iterator[World]:
    """Yield the stack as its users see it."""
    seen = World(stack)
    yield seen
    seen.close()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Always show the tables of the fault matrices."""
    for table in TABLES:
        terminalreporter.section(table.title)
        for line in table.lines():
            terminalreporter.write_line(line)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Pass an xdist worker's tables to the controller, which shows them."""
    if (output := getattr(session.config, "workeroutput", None)) is not None:
        output["tables"] = [asdict(table) for table in TABLES]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Collect a worker's tables; one that crashed has none."""
    TABLES.extend(Table(**table) for table in getattr(node, "workeroutput", {}).get("tables", []))
