"""The company that asks for consent, started once."""

from collections.abc import Iterator

import pytest

from tests.consents.company import Company, asking_for_consent
from tests.world import World


@pytest.fixture(scope="package")
def company(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    with asking_for_consent(world, tmp_path_factory.mktemp("consents")) as company:
        yield company
