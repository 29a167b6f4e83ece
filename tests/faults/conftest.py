"""What the tests of faults share: triggers that start fast, and tables of what was tried."""

from collections.abc import Iterator

import pytest

from tests.conftest import Addresses
from tests.faults.tables import TABLES
from tests.faults.triggers import Triggers


@pytest.fixture(scope="session")
def triggers(stack: Addresses, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Triggers]:
    """Triggers beside the stack's own, with its settings unless a test gives others."""
    source = Triggers(tmp_path_factory.mktemp("triggers"))
    yield source
    source.close()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what was tried and what survived, whatever else is shown."""
    for table in TABLES:
        terminalreporter.section(table.title)
        for line in table.lines():
            terminalreporter.write_line(line)
