"""A shared simulator, and separate ones for tests that kill it, move its clock permanently, or pass arguments."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import stripe

from .process import Simulator
from .shop import Shop


@pytest.fixture(scope="session")
def _shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    simulator = Simulator(tmp_path_factory.mktemp("stripe") / "state.sqlite3")
    try:
        simulator.start()
        yield simulator
    finally:
        simulator.close()


@pytest.fixture
def simulator(_shared: Simulator) -> Iterator[Simulator]:
    """Yield the shared simulator, on real time and without faults."""
    yield _shared
    _shared.control("DELETE", "faults")
    _shared.move_clock(reset=True)
    _shared.order("settings", after_last_retry="cancel")


@pytest.fixture
def new_simulator(tmp_path: Path) -> Iterator[Callable[..., Simulator]]:
    """Yield a function that starts a separate simulator with the given arguments."""
    made: list[Simulator] = []

    def start(*arguments: str) -> Simulator:
        simulator = Simulator(tmp_path / "state.sqlite3", *arguments)
        made.append(simulator)
        simulator.start()
        return simulator

    yield start
    for simulator in made:
        simulator.close()


@pytest.fixture
def client(simulator: Simulator) -> stripe.StripeClient:
    """Return the real SDK."""
    return simulator.client


@pytest.fixture
def loose(simulator: Simulator) -> Any:
    """Return the real SDK, untyped, for parameters that Stripe does not have."""
    return simulator.client.v1


@pytest.fixture(scope="session")
def _shared_shop(_shared: Simulator) -> Shop:
    return Shop(_shared.client)


@pytest.fixture
def shop(simulator: Simulator, _shared_shop: Shop) -> Shop:
    """Return the shop in the shared simulator."""
    return _shared_shop
