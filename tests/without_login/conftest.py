"""A browser without a login for each test, and what is shared with other tests."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from deployments.migrations import migrate
from tests.faults.conftest import triggers
from tests.faults.own_database import OwnWorld
from tests.http.conftest import application
from tests.nodes.clients.test_database import new_database, settings
from tests.without_login.stranger import Stranger, own
from tests.world import World

__all__ = ["application", "other", "stranger", "triggers"]


@pytest.fixture
def stranger(world: World) -> Iterator[Stranger]:
    with Stranger(world) as stranger:
        yield stranger


@pytest.fixture
def other(world: World) -> Iterator[Stranger]:
    """Yield another browser, at another IP address."""
    with Stranger(world) as stranger:
        yield stranger


@pytest.fixture
def apart(world: World) -> Iterator[OwnWorld]:
    """Yield the stack with a database of its own, which the stack's trigger doesn't see."""
    with new_database(world.addresses["database_admin_url"]) as url:
        migrate(settings(url))
        with closing(OwnWorld(world, own(url))) as apart:
            yield apart
