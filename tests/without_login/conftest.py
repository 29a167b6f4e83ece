"""A browser without a login for each test, and what is shared with other tests."""

from collections.abc import Iterator

import pytest

from tests.faults.conftest import triggers
from tests.http.conftest import application
from tests.without_login.stranger import Stranger
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
