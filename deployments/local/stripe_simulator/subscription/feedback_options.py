"""Feedback options: the account's own reasons for cancellations, https://docs.stripe.com/api/billing/feedback-option.

Stripe doesn't document how it refuses one in `cancellation_details`. Here an unknown one is refused as an unknown id in
a body (400, `resource_missing`), and a deactivated one, which "is no longer available for use", as an inactive price is
(400 without a code); both name the parameter. `feedback` may accompany it, as no page says otherwise.
"""

from ..account import Account
from ..parameters import EXPAND, PAGE, Shape, choice, text
from ..wire import ApiError, Document, new_id

KIND = "billing.feedback_option"
URL = "/v1/billing/feedback_options"
CREATE = Shape(EXPAND | {"description": text(100)}, required=("description",))
UPDATE = Shape(EXPAND | {"description": text(100)})
LIST = Shape(
    {name: kind for name, kind in PAGE.items() if name != "created"} | {"status": choice("active", "inactive")}
)


def create(account: Account, params: Document) -> Document:
    """POST /v1/billing/feedback_options."""
    option = {
        "id": new_id("fo"),
        "object": KIND,
        "description": params["description"],
        "livemode": False,
        "status": "active",
        "status_transitions": {"deactivated_at": None},
    }
    return account.create(option)


def retrieve(account: Account, _params: Document, identifier: str) -> Document:
    """GET /v1/billing/feedback_options/{id}."""
    return account.find(KIND, identifier)


def update(account: Account, params: Document, identifier: str) -> Document:
    """POST /v1/billing/feedback_options/{id}."""
    before = account.find(KIND, identifier)
    return account.update(before, before | {name: params[name] for name in params if name == "description"}, None)


def deactivate(account: Account, _params: Document, identifier: str) -> Document:
    """POST /v1/billing/feedback_options/{id}/deactivate: it stays on the cancellations that have it."""
    before = account.find(KIND, identifier)
    if before["status"] == "inactive":
        return before
    ended = {"status": "inactive", "status_transitions": {"deactivated_at": account.now()}}
    return account.update(before, before | ended, None)


def list_all(account: Account, params: Document) -> Document:
    """GET /v1/billing/feedback_options."""
    return account.page(KIND, URL, params, status=params.get("status"))


def check(account: Account, params: Document) -> None:
    """Raise if the `cancellation_details` name an option that is unknown or inactive."""
    identifier = params.get("cancellation_details", {}).get("feedback_option")
    if identifier is None:
        return
    param = "cancellation_details[feedback_option]"
    if account.find(KIND, identifier, param, 400)["status"] == "inactive":
        raise ApiError(f"The feedback option `{identifier}` is inactive. Only active ones can be used.", param=param)
