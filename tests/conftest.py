"""One embedded stack for the whole run of tests, on ports and in a directory of its own."""

import os
from collections.abc import Iterator

import pytest

from deployments.local.stack import Stack
from tests.world import World

# What names a part of someone else's: tests run against their own.
OUTSIDE = ("DATABASE", "PREFECT", "STRIPE", "GOOGLE", "PUBSUB", "SMTP", "JWT", "HTTP_", "PUBLIC_URL", "LINK_SECRET")


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The embedded stack, all of it real."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(OUTSIDE)}
    with (
        Stack(tmp_path_factory.mktemp("stack"), progress=lambda _: None, environment=own) as running,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name, value in running.environment.items():
            patch.setenv(name, value)
        yield running


@pytest.fixture(scope="session")
def world(stack: Stack) -> Iterator[World]:
    """The stack as its users see it."""
    seen = World(dict(stack.addresses))
    yield seen
    seen.close()
