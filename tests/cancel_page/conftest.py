"""A browser without JavaScript for each test, and a company with its own blueprint and offers of every kind."""

from collections.abc import Iterator

import pytest

from tests.cancel_page.company import with_blueprints
from tests.cancel_page.visitor import Visitor
from tests.offers.company import Company
from tests.world import World


@pytest.fixture
def visitor(world: World) -> Iterator[Visitor]:
    with Visitor(world) as visitor:
        yield visitor


@pytest.fixture(scope="package")
def company(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    with with_blueprints(world, tmp_path_factory.mktemp("page")) as company:
        yield company
