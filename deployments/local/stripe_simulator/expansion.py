"""`expand[]`: replacement of ids by their objects."""

from typing import Any

from .account import Account
from .invoice.payments import payments_of
from .wire import ApiError, Document

# The kind of object behind each expandable property.
KINDS = {
    "coupon": "coupon",
    "customer": "customer",
    "default_payment_method": "payment_method",
    "default_price": "price",
    "discount": "discount",
    "discounts": "discount",
    "feedback_option": "billing.feedback_option",
    "invoice": "invoice",
    "latest_invoice": "invoice",
    "price": "price",
    "product": "product",
    "refund": "refund",
    "schedule": "subscription_schedule",
    "subscription": "subscription",
    "test_clock": "test_helpers.test_clock",
}
_DEEPEST = 4


def expand(account: Account, shown: Document, paths: list[str]) -> Document:
    """Return the rendered object with the named properties expanded in place."""
    for path in paths:
        parts = path.split(".")
        if len(parts) > _DEEPEST:
            message = f"You cannot expand more than {_DEEPEST} levels of a property. Property: {path}."
            raise ApiError(message, param="expand", executed=False)
        _walk(account, shown, parts, path)
    return shown


def _walk(account: Account, node: Any, parts: list[str], path: str) -> None:
    if isinstance(node, list):
        for entry in node:
            _walk(account, entry, parts, path)
        return
    head, rest = parts[0], parts[1:]
    if head == "payments" and isinstance(node, dict) and node.get("object") == "invoice":
        node[head] = payments_of(node)
        if not rest:
            return
    if not isinstance(node, dict) or head not in node or not (rest or head in KINDS):
        raise ApiError(f"This property cannot be expanded ({path}).", param="expand", executed=False)
    value = node[head]
    if isinstance(value, str) or (isinstance(value, list) and value and isinstance(value[0], str)):
        value = node[head] = _resolved(account, head, value, path)
    if rest and value is not None:
        _walk(account, value, rest, path)


def _resolved(account: Account, name: str, value: str | list[str], path: str) -> Any:
    if name not in KINDS:
        raise ApiError(f"This property cannot be expanded ({path}).", param="expand", executed=False)
    if isinstance(value, list):
        return [account.render(account.peek(KINDS[name], one)) for one in value]
    return account.render(account.peek(KINDS[name], value))
