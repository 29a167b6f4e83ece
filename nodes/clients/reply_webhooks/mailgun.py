"""Mailgun: a route forwards the whole email as a form, to an address that ends in `mime`.

https://documentation.mailgun.com/docs/mailgun/user-manual/receive-forward-store/receive-http
"""

import hashlib
import hmac
import re
import time
from collections.abc import Sequence
from email.message import Message
from urllib.parse import parse_qsl

from pydantic import SecretStr

from nodes.clients.reply_webhooks.posted import Delivered, Posted, is_one_of, plain
from nodes.refusals.webhooks import DeliveryInvalid, DeliveryUnsigned

TOLERANCE_SECONDS = 300
_MOST_FIELDS = 1000
_NAME = re.compile(rb'content-disposition:[^\r\n]*[ ;]name="([^"]*)"', re.IGNORECASE)


class Mailgun:
    """A reader of Mailgun's posts. `secrets`: HTTP webhook signing keys, several as during a rotation."""

    def __init__(self, secrets: Sequence[SecretStr]) -> None:
        self._keys = plain(secrets)

    async def read(self, posted: Posted) -> Delivered:
        """Return the email of a post that was signed within the last 5 minutes."""
        fields = _fields(posted)
        stamp = fields.get("timestamp", b"")
        signed = stamp + fields.get("token", b"")
        expected = [hmac.new(key, signed, hashlib.sha256).hexdigest().encode() for key in self._keys]
        if not is_one_of(fields.get("signature", b""), expected) or not _is_recent(stamp):
            raise DeliveryUnsigned
        if "body-mime" not in fields:
            raise DeliveryInvalid("There is no body-mime: let the route forward to the address that ends in /mime")
        recipients = fields.get("recipient", b"").decode("utf-8", "replace").split(",")
        return Delivered(fields["body-mime"], tuple(each.strip() for each in recipients))

    async def close(self) -> None:
        """Return: there is nothing to close."""


def _is_recent(stamp: bytes) -> bool:
    return stamp.isdigit() and len(stamp) <= 12 and abs(time.time() - int(stamp)) <= TOLERANCE_SECONDS


def _fields(posted: Posted) -> dict[str, bytes]:
    """Return the fields of a form in either encoding, as bytes: an email needs not be UTF-8."""
    declared = Message()
    declared["Content-Type"] = posted.content_type
    boundary = declared.get_boundary()
    if declared.get_content_type() == "multipart/form-data" and boundary:
        return dict(filter(None, map(_part, (b"\r\n" + posted.body).split(b"\r\n--" + boundary.encode())[1:])))
    try:
        # Latin-1 has a character for each byte.
        pairs = parse_qsl(
            posted.body.decode("latin-1"), keep_blank_values=True, encoding="latin-1", max_num_fields=_MOST_FIELDS
        )
    except ValueError:
        raise DeliveryInvalid("The body is not a form") from None
    return {name: value.encode("latin-1", "replace") for name, value in pairs}


def _part(part: bytes) -> tuple[str, bytes] | None:
    head, _, value = part.partition(b"\r\n\r\n")
    name = _NAME.search(head)
    return (name[1].decode("latin-1"), value) if name else None
