"""A company whose app uses the component, with its own blueprint and offers of every kind."""

from collections.abc import Iterator

import pytest

from tests.cancel_page.company import with_blueprints
from tests.offers.company import Company
from tests.sdk.component import ORIGIN
from tests.world import World


@pytest.fixture(scope="package")
def company(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    with with_blueprints(world, tmp_path_factory.mktemp("sdk"), EMBED_ORIGINS=ORIGIN) as company:
        yield company
