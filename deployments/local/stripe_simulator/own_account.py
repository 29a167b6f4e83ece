"""The endpoint for the account to which the keys belong."""

from .account import Account
from .wire import ApiError, Document


def retrieve(account: Account, _params: Document, identifier: str | None = None) -> Document:
    """GET /v1/account, or /v1/accounts/{account} for the account itself; there are no connected accounts."""
    if identifier not in (None, account.identifier):
        raise ApiError(
            f"The provided key does not have access to account '{identifier}' (or that account does not exist). "
            "Application access may have been revoked.",
            status=403,
            code="account_invalid",
        )
    return {
        "id": account.identifier,
        "object": "account",
        "business_profile": {"name": "Stripe simulator", "support_email": None, "url": None},
        "business_type": None,
        "capabilities": {"card_payments": "active", "transfers": "active"},
        "charges_enabled": True,
        "controller": {"type": "account"},
        "country": "US",
        "created": int(account.store.setting("account_created", "0")),
        "default_currency": "usd",
        "details_submitted": True,
        "email": "account@example.com",
        "metadata": {},
        "payouts_enabled": True,
        "settings": {"dashboard": {"display_name": "Stripe simulator", "timezone": "Etc/UTC"}},
        "type": "standard",
    }
