"""The process: it starts, keeps its state, and ends on a signal."""

import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import stripe

from .process import Simulator
from .shop import Shop

pytestmark = pytest.mark.slow


@pytest.fixture
def simulator_alone() -> Iterator[Simulator]:
    """Yield a simulator with no argument except its port."""
    simulator = Simulator(None)
    try:
        simulator.start()
        yield simulator
    finally:
        simulator.close()


def test_state_survives_a_restart(new_simulator: Callable[..., Simulator]) -> None:
    simulator = new_simulator()
    subscription = Shop(simulator.client).subscription(metadata={"user": "u1"})
    simulator.process.stop(stop_signal=signal.SIGTERM)
    simulator.start()
    assert simulator.client.v1.subscriptions.retrieve(subscription.id).metadata["user"] == "u1"


def test_state_survives_being_killed_right_after_an_answer(new_simulator: Callable[..., Simulator]) -> None:
    simulator = new_simulator()
    subscription = Shop(simulator.client).subscription()
    options: stripe.RequestOptions = {"idempotency_key": "before-the-kill"}
    told = simulator.client.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True}, options)
    simulator.kill()
    simulator.start()
    again = simulator.client.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True}, options)
    assert again.to_dict() == told.to_dict()
    assert [request["replayed"] for request in simulator.requests(contains=subscription.id)] == [False, True]
    assert simulator.client.v1.subscriptions.retrieve(subscription.id).cancel_at_period_end


def test_alone_it_is_an_empty_account(simulator_alone: Simulator) -> None:
    v1 = simulator_alone.client.v1
    lists: list[Any] = [
        v1.customers.list(),
        v1.subscriptions.list({"status": "all"}),
        v1.prices.list(),
        v1.products.list(),
    ]
    lists += [v1.coupons.list(), v1.events.list(), v1.webhook_endpoints.list()]
    assert [page.data for page in lists] == [[]] * len(lists)
    account = v1.accounts.retrieve_current()
    assert account.id.startswith("acct_")
    assert v1.accounts.retrieve(account.id).to_dict() == account.to_dict()
    assert v1.balance.retrieve().livemode is False
    with pytest.raises(stripe.PermissionError) as caught:
        v1.accounts.retrieve("acct_other")
    assert caught.value.error is not None
    assert caught.value.error.code == "account_invalid"


def test_the_account_is_the_same_after_a_restart(new_simulator: Callable[..., Simulator]) -> None:
    simulator = new_simulator()
    account = simulator.client.v1.accounts.retrieve_current().id
    simulator.kill()
    simulator.start()
    assert simulator.client.v1.accounts.retrieve_current().id == account


def test_sigterm_ends_it_at_once_with_0(new_simulator: Callable[..., Simulator]) -> None:
    simulator = new_simulator()
    running = simulator.process.process
    assert running is not None
    running.send_signal(signal.SIGTERM)
    assert running.wait(2) == 0


def test_the_clock_keeps_its_offset_over_a_restart(new_simulator: Callable[..., Simulator]) -> None:
    simulator = new_simulator()
    ahead = simulator.move_clock(advance=1000)
    simulator.kill()
    simulator.start()
    assert 0 <= simulator.control("GET", "clock")["now"] - ahead < 30
