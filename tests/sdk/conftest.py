"""A company whose app uses the component, with its own blueprint and offers of every kind."""

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from deployments.blueprints import publish
from deployments.migrations import migrate
from nodes.settings import BlueprintSettings
from tests.acceptance.trigger import serving
from tests.cancel_page.blueprints import written
from tests.faults.own_database import OwnWorld
from tests.nodes.clients.test_database import new_database, settings
from tests.offers.catalog import every_price
from tests.offers.company import Company
from tests.sdk.component import ORIGIN, Component, component_token
from tests.world import Person, World


@pytest.fixture(scope="package")
def company(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    """Run the company's trigger on a database of its own, where its blueprints are published."""
    directory = tmp_path_factory.mktemp("sdk")
    catalog, blueprints = written(directory)
    every_price(world)
    with new_database(world.addresses["database_admin_url"]) as url:
        migrate(settings(url))
        publish(settings(url), BlueprintSettings(blueprints=blueprints, catalog=catalog))
        own = {"DATABASE_URL": url, "DATABASE_ADMIN_URL": url}
        with (
            closing(OwnWorld(world, own)) as seen,
            serving(directory, CATALOG=str(catalog), EMBED_ORIGINS=ORIGIN, **own) as http,
        ):
            yield Company(seen, http)


@pytest.fixture
def component(company: Company) -> Callable[..., Component]:
    """Return a maker of components in the company's app, with further claims in the token."""

    def made(person: Person, **claims: Any) -> Component:
        return Component(f"{company.http.base_url}/sdk/v1", component_token(person, **claims))

    return made
