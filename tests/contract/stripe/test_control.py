"""The control API's clock and record."""

import time

from .process import Simulator
from .shop import Shop


def test_it_explains_itself(simulator: Simulator) -> None:
    guide = simulator.control("GET", "")
    parts = {"clock", "requests", "faults", "webhooks", "portal", "dashboard", "end", "age", "discounts", "settings"}
    assert parts <= guide.keys()


def test_the_clock_is_the_real_time_until_it_is_moved(simulator: Simulator) -> None:
    begun = int(time.time())
    assert begun <= simulator.control("GET", "clock")["now"] <= time.time()
    assert begun + 5_000 <= simulator.move_clock(now=begun + 5_000) <= time.time() + 5_000
    assert begun + 6_000 <= simulator.move_clock(advance=1_000) <= time.time() + 6_000
    assert begun <= simulator.move_clock(reset=True) <= time.time()


def test_a_wrong_order_to_the_clock(simulator: Simulator) -> None:
    assert simulator.http.post("/_simulator/clock", json={"now": "soon"}).status_code == 400


def test_new_objects_live_by_the_moved_clock(simulator: Simulator, shop: Shop) -> None:
    ahead = simulator.move_clock(advance=1_000_000)
    assert ahead <= shop.coupon().created <= simulator.control("GET", "clock")["now"]


def test_every_call_is_recorded(simulator: Simulator, shop: Shop) -> None:
    subscription = shop.subscription()
    since = simulator.requests()[-1]["sequence"]
    shop.v1.subscriptions.update(
        subscription.id, {"cancellation_details": {"feedback": "unused"}}, {"idempotency_key": subscription.id}
    )
    shop.fresh(subscription)
    posted, got = simulator.requests(since=str(since))
    assert posted["params"] == {"cancellation_details": {"feedback": "unused"}}
    assert (posted["method"], posted["path"]) == ("POST", f"/v1/subscriptions/{subscription.id}")
    assert (posted["idempotency_key"], posted["status"]) == (subscription.id, 200)
    assert (posted["replayed"], posted["fault"]) == (False, None)
    assert posted["request_id"].startswith("req_")
    assert (got["method"], got["sequence"]) == ("GET", posted["sequence"] + 1)


def test_the_record_is_searched(simulator: Simulator, shop: Shop) -> None:
    subscription = shop.subscription()
    created = simulator.requests(method="POST", path="/v1/subscriptions", contains=str(subscription.customer))
    assert len(created) == 1
    assert simulator.requests(path="/v1/none") == []


def test_the_record_can_be_cleared(simulator: Simulator, shop: Shop) -> None:
    shop.coupon()
    simulator.control("DELETE", "requests")
    assert simulator.requests() == []
