"""What the tests of faults share: triggers that start fast."""

from collections.abc import Iterator

import pytest

from tests.conftest import Addresses
from tests.faults.triggers import Triggers


@pytest.fixture(scope="session")
def triggers(stack: Addresses, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Triggers]:
    """Triggers beside the stack's own, with its settings unless a test gives others."""
    source = Triggers(tmp_path_factory.mktemp("triggers"))
    yield source
    source.close()
