"""Stripe's test clocks, which set the time for the customers created on them."""

from .account import Account
from .parameters import EXPAND, PAGE, Shape, integer, text
from .subscription import lifecycle
from .subscription.periods import DAY
from .wire import ApiError, Document, new_id

KIND = "test_helpers.test_clock"
CREATE = Shape(EXPAND | {"frozen_time": integer(0), "name": text(300)}, required=("frozen_time",), lacking="customer")
ADVANCE = Shape(EXPAND | {"frozen_time": integer(0)}, required=("frozen_time",))
LIST = Shape(PAGE)


def create(account: Account, params: Document) -> Document:
    """POST /v1/test_helpers/test_clocks."""
    now = account.now()
    clock = {
        "id": new_id("clock"),
        "object": KIND,
        "created": now,
        "deletes_after": now + 30 * DAY,
        "frozen_time": params["frozen_time"],
        "livemode": False,
        "name": params.get("name"),
        "status": "ready",
        "status_details": {"advancing": None},
    }
    return account.create(clock, "test_helpers.test_clock.created")


def retrieve(account: Account, _params: Document, identifier: str) -> Document:
    """GET /v1/test_helpers/test_clocks/{test_clock}."""
    return account.find(KIND, identifier, "test_clock")


def list_all(account: Account, params: Document) -> Document:
    """GET /v1/test_helpers/test_clocks."""
    return account.page(KIND, "/v1/test_helpers/test_clocks", params)


def advance(account: Account, params: Document, identifier: str) -> Document:
    """POST /v1/test_helpers/test_clocks/{test_clock}/advance.

    Returns `advancing` like Stripe, although the clock is already `ready`.
    """
    before = account.find(KIND, identifier, "test_clock")
    target = params["frozen_time"]
    if target <= before["frozen_time"]:
        raise ApiError(
            "The frozen time must be in the future of the test clock's current frozen time.", param="frozen_time"
        )
    advancing = before | {"status": "advancing", "status_details": {"advancing": {"target_frozen_time": target}}}
    account.emit("test_helpers.test_clock.advancing", advancing)
    lifecycle.settle(account, identifier, target)
    ready = before | {"frozen_time": target}
    account.save(ready)
    account.emit("test_helpers.test_clock.ready", ready)
    return advancing


def delete(account: Account, _params: Document, identifier: str) -> Document:
    """DELETE /v1/test_helpers/test_clocks/{test_clock}: deletes everything on it too."""
    clock = account.find(KIND, identifier, "test_clock")
    account.emit("test_helpers.test_clock.deleted", clock)
    account.store.remove_clock(identifier)
    return {"id": identifier, "object": KIND, "deleted": True}
