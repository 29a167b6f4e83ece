"""Amazon SES: a receipt rule publishes the whole email to an SNS topic, which posts it, signed.

https://docs.aws.amazon.com/ses/latest/dg/receiving-email-notifications-contents.html
"""

import base64
import binascii
import json
from collections.abc import Sequence
from typing import Any

import httpx
from pydantic import SecretStr

from nodes.clients.reply_webhooks.posted import Delivered, Posted
from nodes.clients.reply_webhooks.sns import Sns
from nodes.refusals.webhooks import DeliveryInvalid, DeliveryUnsigned


class AmazonSes:
    """A reader of SNS's posts about emails. `secrets`: the ARNs of the topics that may post them."""

    def __init__(self, secrets: Sequence[SecretStr], http: httpx.AsyncClient | None = None) -> None:
        self._topics = frozenset(secret.get_secret_value() for secret in secrets)
        self._sns = Sns(http)

    async def read(self, posted: Posted) -> Delivered | None:
        """Return the email of a notification; None once a new subscription is confirmed."""
        try:
            message = json.loads(posted.body)
            topic, kind = str(message["TopicArn"]), message["Type"]
        except (ValueError, KeyError, TypeError, RecursionError):
            raise DeliveryInvalid("The body is no message of SNS") from None
        if topic not in self._topics:
            raise DeliveryUnsigned
        await self._sns.verify(message)
        if kind == "SubscriptionConfirmation":
            await self._sns.confirm(message)
        return _email(message) if kind == "Notification" else None

    async def close(self) -> None:
        """Close the connections."""
        await self._sns.close()


def _email(message: dict[str, Any]) -> Delivered | None:
    try:
        notice = json.loads(message["Message"])
    except (ValueError, RecursionError):
        return None  # a sentence, when the topic is set up
    if not isinstance(notice, dict) or notice.get("notificationType") != "Received":
        return None
    try:
        recipients = tuple(map(str, notice["receipt"]["recipients"]))
        return Delivered(_content(str(notice["content"])), recipients)
    except (KeyError, TypeError):
        raise DeliveryInvalid("There is no content: let the receipt rule publish the email by an SNS action") from None


def _content(content: str) -> bytes:
    """Return the email. By the rule's setting it is base64, which has no colon, or text, whose headers have."""
    if ":" in content:
        return content.encode("utf-8", "replace")
    try:
        return base64.b64decode(content)
    except binascii.Error:
        return content.encode("utf-8", "replace")
