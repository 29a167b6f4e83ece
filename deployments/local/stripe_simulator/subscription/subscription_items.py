"""Subscription items: read through their own endpoints, changed through their subscription."""

from ..account import Account
from ..parameters import merged
from ..wire import ApiError, Document, no_such
from . import billing


def change(account: Account, after: Document, given: list[Document], now: int) -> None:
    """Apply the `items` parameter of a subscription update: new, changed and deleted items."""
    items = after["items"]["data"]
    for index, change in enumerate(given):
        if "id" not in change:
            items.append(_aligned(billing.new_item(account, after, change, index, now), items, f"items[{index}]"))
            continue
        item = next((one for one in items if one["id"] == change["id"]), None)
        if item is None:
            raise no_such("subscription item", change["id"], f"items[{index}][id]", 400)
        if change.get("deleted"):
            items.remove(item)
        else:
            _change_item(account, item, change, f"items[{index}][price]")
    if not items:
        raise ApiError("A subscription must have at least one active plan. To cancel, delete it.", param="items")
    billing.check_items(after, items)
    after["items"]["total_count"] = len(items)


def _aligned(item: Document, others: list[Document], param: str) -> Document:
    """Return a new item in the current period of the others."""
    wanted = billing.interval_of(item["price"])
    same = next((one for one in others if billing.interval_of(one["price"]) == wanted), None)
    if same is None:
        message = "The Stripe simulator does not implement adding an item with an interval of its own."
        raise ApiError(message, status=501, kind="api_error", param=param, executed=False)
    return item | {name: same[name] for name in ("current_period_end", "current_period_start")}


def _change_item(account: Account, item: Document, change: Document, param: str) -> None:
    if "price" in change:
        price = billing.recurring_price(account, change["price"], param)
        item |= {"price": price, "plan": billing.plan_of(price)}
    item["quantity"] = change.get("quantity", item["quantity"])
    item["metadata"] = merged(item["metadata"], change.get("metadata"))


def list_all(account: Account, params: Document) -> Document:
    """GET /v1/subscription_items."""
    subscription = account.find("subscription", params["subscription"], "subscription", 400)
    items = subscription["items"]["data"]
    return account.listing("/v1/subscription_items", items[: params.get("limit", 10)], False)


def retrieve(account: Account, _params: Document, identifier: str) -> Document:
    """GET /v1/subscription_items/{item}."""
    pointer = account.store.get("subscription_item", identifier)
    if pointer is None:
        raise ApiError(f"Invalid subscription_item id: {identifier}", status=404)
    items = account.peek("subscription", pointer["subscription"])["items"]["data"]
    found = next((item for item in items if item["id"] == identifier), None)
    if found is None:
        raise ApiError(f"Invalid subscription_item id: {identifier}", status=404)
    return dict(found)
