"""A browser without JavaScript for each test, and a company with its own blueprint and offers of every kind."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from deployments.blueprints import publish
from deployments.migrations import migrate
from nodes.settings import BlueprintSettings
from tests.acceptance.trigger import serving
from tests.cancel_page.blueprints import written
from tests.cancel_page.visitor import Visitor
from tests.faults.own_database import OwnWorld
from tests.nodes.clients.test_database import new_database, settings
from tests.offers.catalog import every_price
from tests.offers.company import Company
from tests.world import World


@pytest.fixture
def visitor(world: World) -> Iterator[Visitor]:
    with Visitor(world) as visitor:
        yield visitor


@pytest.fixture(scope="package")
def company(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    """Run the company's trigger on a database of its own, where its blueprints are published."""
    directory = tmp_path_factory.mktemp("page")
    catalog, blueprints = written(directory)
    every_price(world)
    with new_database(world.addresses["database_admin_url"]) as url:
        migrate(settings(url))
        publish(settings(url), BlueprintSettings(blueprints=blueprints, catalog=catalog))
        own = {"DATABASE_URL": url, "DATABASE_ADMIN_URL": url}
        with (
            closing(OwnWorld(world, own)) as seen,
            serving(directory, CATALOG=str(catalog), **own) as http,
        ):
            yield Company(seen, http)


@pytest.fixture
def guest(company: Company) -> Iterator[Visitor]:
    """Yield a browser on the company's page."""
    with Visitor(company.world, str(company.http.base_url)) as visitor:
        yield visitor
