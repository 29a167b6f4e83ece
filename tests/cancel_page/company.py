"""A company with its own blueprint and offers of every kind, on a database of its own."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from deployments.migrations import migrate
from deployments.operations.blueprints import publish
from nodes.settings import BlueprintSettings
from tests.acceptance.trigger import serving
from tests.cancel_page.blueprints import written
from tests.faults.own_database import OwnWorld
from tests.nodes.clients.test_database import new_database, settings
from tests.offers.catalog import every_price
from tests.offers.company import Company
from tests.world import World


@contextmanager
def published(world: World, directory: Path) -> Iterator[dict[str, str]]:
    """Yield the settings of a company whose blueprints are published."""
    catalog, blueprints = written(directory)
    every_price(world)
    with new_database(world.addresses["database_admin_url"]) as url:
        migrate(settings(url))
        publish(settings(url), BlueprintSettings(blueprints=blueprints, catalog=catalog))
        yield {"DATABASE_URL": url, "DATABASE_ADMIN_URL": url, "CATALOG": str(catalog)}


@contextmanager
def with_blueprints(world: World, directory: Path, **more: str) -> Iterator[Company]:
    """Run the trigger of such a company, with these settings."""
    with published(world, directory) as own, running(world, directory, own | more) as company:
        yield company


@contextmanager
def running(world: World, directory: Path, own: dict[str, str]) -> Iterator[Company]:
    """Run a company's trigger with its settings."""
    with closing(OwnWorld(world, own)) as seen, serving(directory, **own) as http:
        yield Company(seen, http)
