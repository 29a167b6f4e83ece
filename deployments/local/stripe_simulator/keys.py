"""API keys for /v1, and the permissions of restricted keys."""

import base64
import hashlib
import json
import re

from .account import Account
from .expansion import KINDS
from .wire import ApiError, Document

_KEY = re.compile(r"(sk|rk)_test_\w+", re.ASCII)
# The permission for each resource, as error messages name it: `rak_plan_read`. A key with write access may also read.
# Source: https://docs.stripe.com/stripe-apps/reference/permissions; for the account, stripe/sync-engine#257.
PERMISSIONS = {
    "account": "accounts_kyc_basic",
    "accounts": "accounts_kyc_basic",
    "balance": "balance",
    "coupons": "coupon",
    "credit_notes": "credit_note",
    "customers": "customer",
    "events": "event",
    "invoice_payments": "invoice",
    "invoices": "invoice",
    "payment_methods": "payment_method",
    "prices": "plan",
    "products": "product",
    "refunds": "charge",
    "subscription_items": "subscription",
    "subscription_schedules": "subscription",
    "subscriptions": "subscription",
    "test_helpers": "billing_clock",
    "webhook_endpoints": "webhook",
}
_LEVELS = ("read", "write")


class PermissionsInvalid(Exception):
    """The permissions are invalid; the message says how."""


def restrict(account: Account, given: Document) -> None:
    """Limit a restricted key to certain permissions. Only the key's digest is stored."""
    key, permissions = given.get("key"), given.get("permissions")
    if not isinstance(key, str) or not key.startswith("rk_test_") or not _KEY.fullmatch(key):
        raise PermissionsInvalid("key must be a restricted test key, rk_test_…")
    if not isinstance(permissions, dict) or not all(level in _LEVELS for level in permissions.values()):
        raise PermissionsInvalid('permissions are by resource, each read or write: {"customers": "read"}')
    unknown = permissions.keys() - PERMISSIONS.keys()
    if unknown:
        raise PermissionsInvalid(f"no such resource: {', '.join(sorted(unknown))}; use {', '.join(PERMISSIONS)}")
    granted = {f"rak_{PERMISSIONS[name]}_{level}" for name, level in permissions.items()}
    granted |= {name.replace("_write", "_read") for name in granted}
    account.store.set_setting(_digest(key), json.dumps(sorted(granted)))


def refusal(account: Account, authorization: str | None, method: str, path: str, expand: list[str]) -> ApiError | None:
    """Return Stripe's error if the key does not allow the call. An unrestricted key may do anything."""
    key = _presented(authorization or "")
    if not key:
        return ApiError(
            "You did not provide an API key. You need to provide your API key in the Authorization header, using "
            "Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY'). See "
            "https://stripe.com/docs/api#authentication for details, or we can help at https://support.stripe.com/.",
            status=401,
            executed=False,
        )
    if not _KEY.fullmatch(key):
        return ApiError(f"Invalid API Key provided: {_masked(key, 4)}", status=401, executed=False)
    granted = account.store.setting(_digest(key), "") if key.startswith("rk_") else ""
    missing = [one for one in _needed(method, path, expand) if one not in json.loads(granted)] if granted else []
    if not missing:
        return None
    return ApiError(
        f"The provided key '{_masked(key, 6)}' does not have the required permissions for this endpoint on account "
        f"'{account.identifier}'. Having the '{missing[0]}' permission would allow this request to continue.",
        status=403,
        executed=False,
    )


def _needed(method: str, path: str, expand: list[str]) -> list[str]:
    """Return the permissions that a call needs: one for its endpoint, and read access to whatever it expands."""
    resource = path.split("/")[2] if path.startswith("/v1/") else ""
    if path.endswith("/payment_methods"):
        resource = "payment_methods"
    level = "read" if method == "GET" else "write"
    expanded = [f"{KINDS[part]}s" for one in expand for part in one.split(".") if part in KINDS]
    needed = [(resource, level), *((one, "read") for one in expanded)]
    return [f"rak_{PERMISSIONS[name]}_{level}" for name, level in needed if name in PERMISSIONS]


def _digest(key: str) -> str:
    return f"restricted_key_{hashlib.sha256(key.encode()).hexdigest()}"


def _presented(authorization: str) -> str:
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value).decode().partition(":")[0]
        except ValueError:
            return value
    return value.strip() if scheme.lower() == "bearer" else ""


def _masked(key: str, tail: int) -> str:
    shown = 8 if re.match(r"[srp]k_(test|live)_", key) else 0
    tail = tail if len(key) >= shown + 2 * tail else 0
    return key[:shown] + "*" * (len(key) - shown - tail) + key[len(key) - tail :]
