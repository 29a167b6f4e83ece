"""Shared fixtures of the fault tests: triggers that start fast."""

from collections.abc import Iterator

import pytest

from tests.conftest import Addresses
from tests.faults.triggers import Triggers


@pytest.fixture(scope="session")
def triggers(stack: Addresses, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Triggers]:
    """Yield a source of triggers beside the stack's own, with its settings unless overridden."""
    source = Triggers(tmp_path_factory.mktemp("triggers"))
    yield source
    source.close()
