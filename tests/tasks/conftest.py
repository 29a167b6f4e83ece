"""A company that wants tasks about sessions, with an endpoint for webhooks, on a database of its own."""

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from deployments.blueprints import publish
from deployments.migrations import migrate
from nodes.settings import BlueprintSettings
from tests.acceptance.trigger import serving
from tests.cancel_page.blueprints import written
from tests.cancel_page.visitor import Visitor
from tests.faults.own_database import OwnWorld
from tests.hook_receiver import SECRET, Receiver, receiving
from tests.nodes.clients.test_database import new_database, settings
from tests.offers.catalog import every_price
from tests.offers.company import Company
from tests.sdk.component import ORIGIN, Component, component_token
from tests.world import Person, World

# The page of the company's `contact` offer, and what its server calls with.
TALK = "https://help.example.com/talk"
SERVICE_TOKEN = "service-token-of-the-company-1234567890"


@pytest.fixture(scope="package")
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture(scope="package")
def own(world: World, receiver: Receiver, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Yield the settings of the company's trigger."""
    catalog, blueprints = written(tmp_path_factory.mktemp("company"))
    catalog.write_text(
        catalog.read_text(encoding="utf-8").replace(TALK, f"{TALK}?ref={{request_id}}"), encoding="utf-8"
    )
    every_price(world)
    with new_database(world.addresses["database_admin_url"]) as url:
        migrate(settings(url))
        publish(settings(url), BlueprintSettings(blueprints=blueprints, catalog=catalog))
        yield {
            "DATABASE_URL": url,
            "DATABASE_ADMIN_URL": url,
            "CATALOG": str(catalog),
            "EMBED_ORIGINS": ORIGIN,
            "WEBHOOKS": f"crm={receiver.url}",
            "WEBHOOK_SECRETS": f"crm={SECRET}",
            "WEBHOOK_EVENTS": "crm=task.created",
            "TASKS_FOR": "idle_session, saved_for_now",
            "SERVICE_TOKENS": SERVICE_TOKEN,
        }


@pytest.fixture(scope="package")
def company(world: World, own: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    directory = tmp_path_factory.mktemp("tasks")
    with closing(OwnWorld(world, own)) as seen, serving(directory, **own) as http:
        yield Company(seen, http)


@pytest.fixture
def here(own: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Run flows and commands in the test's process with the company's settings."""
    for name, value in own.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def guest(company: Company) -> Iterator[Visitor]:
    """Yield a browser on the company's page."""
    with Visitor(company.world, str(company.http.base_url)) as visitor:
        yield visitor


@pytest.fixture
def component(company: Company) -> Callable[..., Component]:
    """Return a maker of components in the company's app."""

    def made(person: Person, **claims: Any) -> Component:
        return Component(f"{company.http.base_url}/sdk/v1", component_token(person, **claims))

    return made
