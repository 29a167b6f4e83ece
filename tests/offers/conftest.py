"""Triggers with a catalogue that has offers of every kind, one for each OFFER_WHEN_DISCOUNTED."""

from collections.abc import Iterator

import pytest

from tests.acceptance.trigger import serving
from tests.offers.catalog import CATALOG, every_price
from tests.offers.company import Company
from tests.world import World


def started(world: World, factory: pytest.TempPathFactory, **settings: str) -> Iterator[Company]:
    directory = factory.mktemp("offers")
    catalog = directory / "catalog.yaml"
    catalog.write_text(CATALOG, encoding="utf-8")
    every_price(world)
    with serving(directory, CATALOG=str(catalog), **settings) as http:
        yield Company(world, http)


@pytest.fixture(scope="module")
def company(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    yield from started(world, tmp_path_factory)


@pytest.fixture(scope="module")
def adding(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    yield from started(world, tmp_path_factory, OFFER_WHEN_DISCOUNTED="add")


@pytest.fixture(scope="module")
def replacing(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    yield from started(world, tmp_path_factory, OFFER_WHEN_DISCOUNTED="replace")
