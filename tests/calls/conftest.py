"""The company whose vendor calls customers, started once."""

from collections.abc import Iterator

import pytest

from tests.calls.company import Company, calling
from tests.world import World


@pytest.fixture(scope="package")
def company(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    with calling(world, tmp_path_factory.mktemp("calls")) as company:
        yield company
