"""A company with its own blueprint and offers of every kind, on a database of its own."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from deployments.blueprints import publish
from deployments.migrations import migrate
from nodes.settings import BlueprintSettings
from tests.acceptance.trigger import serving
from tests.cancel_page.blueprints import written
from tests.faults.own_database import OwnWorld
from tests.nodes.clients.test_database import new_database, settings
from tests.offers.catalog import every_price
from tests.offers.company import Company
from tests.world import World


@contextmanager
def with_blueprints(world: World, directory: Path, **more: str) -> Iterator[Company]:
    """Run the company's trigger with its blueprints published, and with these settings."""
    catalog, blueprints = written(directory)
    every_price(world)
    with new_database(world.addresses["database_admin_url"]) as url:
        migrate(settings(url))
        publish(settings(url), BlueprintSettings(blueprints=blueprints, catalog=catalog))
        own = {"DATABASE_URL": url, "DATABASE_ADMIN_URL": url}
        with (
            closing(OwnWorld(world, own)) as seen,
            serving(directory, CATALOG=str(catalog), **own, **more) as http,
        ):
            yield Company(seen, http)
