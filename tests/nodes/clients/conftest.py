"""A Stripe simulator for the clients' tests, one a module."""

from collections.abc import Iterator

import pytest

from tests.contract.stripe.process import Simulator
from tests.contract.stripe.shop import Shop


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    simulator = Simulator(tmp_path_factory.mktemp("stripe") / "state.sqlite3")
    simulator.start()
    yield simulator
    simulator.close()


@pytest.fixture
def simulator(running: Simulator) -> Iterator[Simulator]:
    """Yield the simulator, and clear its faults afterwards."""
    yield running
    running.control("DELETE", "faults")


@pytest.fixture(scope="module")
def shop(running: Simulator) -> Shop:
    return Shop(running.client)
