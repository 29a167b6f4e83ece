"""A company that wants tasks about sessions, with an endpoint for webhooks, on a database of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cancel_page.company import published, running
from tests.hook_receiver import SECRET, Receiver, receiving
from tests.offers.company import Company
from tests.sdk.component import ORIGIN
from tests.world import World

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
    with published(world, tmp_path_factory.mktemp("company")) as settings:
        catalog = Path(settings["CATALOG"])
        offers = catalog.read_text(encoding="utf-8")
        catalog.write_text(offers.replace(TALK, f"{TALK}?ref={{request_id}}"), encoding="utf-8")
        yield {
            **settings,
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
    with running(world, directory, own) as company:
        yield company
