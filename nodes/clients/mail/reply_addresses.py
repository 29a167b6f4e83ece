"""Signed addresses for replies: `REPLY_TO` with a plus, the request's id and a signature."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Sequence
from uuid import UUID

from pydantic import SecretStr

from nodes.clients.mail.address import company_address
from nodes.errors import SettingsInvalid

# RFC 5321, 4.5.3.1.1: a local part has at most 64 octets. An id and 80 bits of signature are 42 characters.
_MOST_LOCAL = 64
_SIGNATURE_BYTES = 10
_TOKEN_CHARACTERS = 42
_PURPOSE = b"reply-address:"


class ReplyAddresses:
    """Makes and reads the address of a request's replies.

    `reply_to` as `Support <support@example.com>`. `secrets`: the first signs, and all of them are accepted, as during a
    rotation. Raises `SettingsInvalid` if the address leaves no room for the token.
    """

    def __init__(self, reply_to: str, secrets: Sequence[SecretStr]) -> None:
        address = company_address(reply_to, "REPLY_TO")
        self._local, self._domain = address.username, address.domain
        most = _MOST_LOCAL - _TOKEN_CHARACTERS - 1
        if not 1 <= len(self._local.encode()) <= most or "+" in self._local:
            raise SettingsInvalid(f"Settings:\n  REPLY_TO must have 1 to {most} characters before the @, and no plus")
        self._secrets = [secret.get_secret_value().encode() for secret in secrets]

    @property
    def beginning(self) -> str:
        """What every address begins with."""
        return f"{self._local}+"

    def address(self, request_id: UUID) -> str:
        """Return `support+TOKEN@example.com`; the same for each email about a request. Case does not matter in it."""
        token = base64.b32encode(request_id.bytes + _signature(self._secrets[0], request_id.bytes))
        return f"{self._local}+{token.decode().rstrip('=').lower()}@{self._domain}"

    def request_id(self, recipients: Iterable[str]) -> UUID | None:
        """Return the request that the first address of ours among these was made for; None if there is none."""
        return next(filter(None, map(self._read, recipients)), None)

    def _read(self, recipient: str) -> UUID | None:
        local, _, domain = recipient.rpartition("@")
        name, _, token = local.partition("+")
        if (name.lower(), domain.lower()) != (self._local.lower(), self._domain.lower()):
            return None
        try:
            signed = base64.b32decode(token.upper() + "=" * (-len(token) % 8))
        except (binascii.Error, ValueError):
            return None
        id_, signature = signed[:16], signed[16:]
        valid = any(hmac.compare_digest(signature, _signature(secret, id_)) for secret in self._secrets)
        return UUID(bytes=id_) if valid else None


def _signature(secret: bytes, id_: bytes) -> bytes:
    return hmac.new(secret, _PURPOSE + id_, hashlib.sha256).digest()[:_SIGNATURE_BYTES]
