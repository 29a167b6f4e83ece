"""Postmark: an inbound webhook as JSON, with the whole email in `RawEmail`. It signs nothing, but sends a password.

https://postmarkapp.com/developer/webhooks/inbound-webhook
"""

import base64
import binascii
import json
from collections.abc import Sequence

from pydantic import SecretStr

from nodes.clients.reply_webhooks.posted import Delivered, Posted, is_one_of, plain
from nodes.refusals.webhooks import DeliveryInvalid, DeliveryUnsigned


class Postmark:
    """A reader of Postmark's posts. `secrets`: `user:password` of the webhook's URL, several as during a rotation."""

    def __init__(self, secrets: Sequence[SecretStr]) -> None:
        self._credentials = plain(secrets)

    async def read(self, posted: Posted) -> Delivered:
        """Return the email of a post with the right password."""
        if not is_one_of(_credentials(posted.authorization), self._credentials):
            raise DeliveryUnsigned
        try:
            content = json.loads(posted.body)
        except (ValueError, RecursionError):
            content = None
        raw = content.get("RawEmail") if isinstance(content, dict) else None
        if not isinstance(raw, str):
            raise DeliveryInvalid("There is no RawEmail: include the raw email content, in Postmark's settings")
        return Delivered(raw.encode("utf-8", "replace"), (str(content.get("OriginalRecipient")),))

    async def close(self) -> None:
        """Return: there is nothing to close."""


def _credentials(authorization: str) -> bytes:
    scheme, _, encoded = authorization.partition(" ")
    try:
        return base64.b64decode(encoded, validate=True) if scheme.lower() == "basic" else b""
    except (binascii.Error, ValueError):
        return b""
