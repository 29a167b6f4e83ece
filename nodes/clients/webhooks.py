"""Verification and parsing of Stripe webhooks. Handlers use only the ids and read everything else from Stripe.

https://docs.stripe.com/webhooks
"""

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import stripe

from nodes.refusals.webhooks import SignatureInvalid, WebhooksOff
from nodes.rules.stripe_changes import COPIES, OTHERS, UPDATED, Change, change_of
from nodes.settings import BillingSettings

# Stripe's default: an older signature may be a replayed one.
TOLERANCE_SECONDS = 300


# The events that an endpoint in Stripe must be subscribed to. Any other event is acknowledged and discarded.
STRIPE_EVENTS = (*UPDATED, *OTHERS)


@dataclass(frozen=True)
class Notice:
    """A webhook event without its payload: ids, types and times."""

    id: str
    type: str
    change: Change
    created_at: datetime
    livemode: bool
    subscription_id: str | None
    customer_id: str | None
    caused_by: UUID | None  # the cancelflow request whose write caused it, from its idempotency key


class Webhooks:
    """A verifier for webhooks. It accepts several secrets, as during a rotation."""

    def __init__(self, settings: BillingSettings) -> None:
        self._secrets = [secret.get_secret_value() for secret in settings.stripe_webhook_secrets]
        self._user_key = settings.stripe_user_key
        self._ignored = () if settings.sync_from_stripe else COPIES

    def read(self, body: bytes, signature: str | None) -> Notice:
        """Verify and parse the raw body. Raises `WebhooksOff` without a secret, and `SignatureInvalid`."""
        if not self._secrets:
            raise WebhooksOff
        if not any(self._signed(body, signature, secret) for secret in self._secrets):
            raise SignatureInvalid
        try:
            notice = _notice(json.loads(body), self._user_key)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise SignatureInvalid("The body is no event of Stripe's") from None
        return replace(notice, change=Change.OTHER) if notice.change in self._ignored else notice

    @staticmethod
    def _signed(body: bytes, signature: str | None, secret: str) -> bool:
        try:
            return bool(stripe.WebhookSignature.verify_header(body, signature, secret, TOLERANCE_SECONDS))
        except (stripe.SignatureVerificationError, UnicodeError):
            return False


def _notice(event: dict[str, Any], user_key: str) -> Notice:
    kind, changed = event["type"], event["data"]
    about = changed["object"]
    return Notice(
        id=event["id"],
        type=kind,
        change=change_of(kind, changed.get("previous_attributes") or {}, user_key, about),
        created_at=datetime.fromtimestamp(event["created"], UTC),
        livemode=bool(event["livemode"]),
        subscription_id=_subscription_of(about),
        customer_id=_id(about) if about["object"] == "customer" else _id(about.get("customer")),
        caused_by=_request_of((event.get("request") or {}).get("idempotency_key")),
    )


def _subscription_of(about: dict[str, Any]) -> str | None:
    return _id(about) if about["object"] == "subscription" else _id(about.get("subscription"))


def _id(expandable: Any) -> str | None:
    found = expandable["id"] if isinstance(expandable, dict) else expandable
    return None if found is None else str(found)


def _request_of(idempotency_key: str | None) -> UUID | None:
    """Return the request id of our idempotency key `{request}:{step}:{try}` (nodes/clients/billing.py)."""
    request, separator, _ = (idempotency_key or "").partition(":")
    try:
        return UUID(request) if separator else None
    except ValueError:
        return None
