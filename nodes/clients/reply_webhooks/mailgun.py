"""Mailgun: a route forwards the whole email as a form, to an address that ends in `mime`.

https://documentation.mailgun.com/docs/mailgun/user-manual/receive-forward-store/receive-http
"""

import hashlib
import hmac
import re
import time
from collections.abc import Callable, Sequence
from email.message import Message
from urllib.parse import unquote_to_bytes

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
        field = _fields(posted)
        stamp = field("timestamp")
        expected = [hmac.new(key, stamp + field("token"), hashlib.sha256).hexdigest().encode() for key in self._keys]
        if not is_one_of(field("signature"), expected) or not _is_recent(stamp):
            raise DeliveryUnsigned
        raw, recipients = field("body-mime"), field("recipient").decode("utf-8", "replace").split(",")
        if not raw:
            raise DeliveryInvalid("There is no body-mime: let the route forward to the address that ends in /mime")
        return Delivered(raw, tuple(each.strip() for each in recipients))

    async def close(self) -> None:
        """Return: there is nothing to close."""


def _is_recent(stamp: bytes) -> bool:
    return stamp.isdigit() and len(stamp) <= 12 and abs(time.time() - int(stamp)) <= TOLERANCE_SECONDS


def _fields(posted: Posted) -> Callable[[str], bytes]:
    """Return what gives a field of the form; empty if it is not there. As bytes, because an email needs not be UTF-8.

    Nothing is decoded before it is asked for, so that an unsigned form of any size costs little.
    """
    declared = Message()
    declared["Content-Type"] = posted.content_type
    boundary = declared.get_boundary()
    if declared.get_content_type() == "multipart/form-data" and boundary:
        parts = (b"\r\n" + posted.body).split(b"\r\n--" + boundary.encode(), _MOST_FIELDS)
        values = dict(filter(None, map(_part, parts)))
        return lambda name: values.get(name.encode(), b"")
    pairs = (each.partition(b"=") for each in posted.body.split(b"&", _MOST_FIELDS))
    encoded = {name: value for name, _, value in pairs}
    return lambda name: unquote_to_bytes(encoded.get(name.encode(), b"").replace(b"+", b" "))


def _part(part: bytes) -> tuple[bytes, bytes] | None:
    head, _, value = part.partition(b"\r\n\r\n")
    name = _NAME.search(head)
    return (name[1], value) if name else None
