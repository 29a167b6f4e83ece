"""A company with two endpoints, its own blueprint and offers of every kind, on a database of its own."""

from collections.abc import Iterator

import pytest

from tests.cancel_page.company import published, running
from tests.hook_receiver import receiving
from tests.offers.company import Company
from tests.outgoing_webhooks.receivers import Endpoints
from tests.sdk.component import ORIGIN
from tests.world import World


@pytest.fixture(scope="package")
def listening() -> Iterator[Endpoints]:
    with receiving() as every, receiving() as few:
        yield Endpoints(every, few)


@pytest.fixture
def endpoints(listening: Endpoints) -> Endpoints:
    listening.work()
    return listening


@pytest.fixture(scope="package")
def own(world: World, listening: Endpoints, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Yield the settings of the company's trigger."""
    with published(world, tmp_path_factory.mktemp("company")) as settings:
        yield {**settings, **listening.settings, "EMBED_ORIGINS": ORIGIN}


@pytest.fixture(scope="package")
def company(world: World, own: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    directory = tmp_path_factory.mktemp("webhooks")
    with running(world, directory, own) as company:
        yield company
