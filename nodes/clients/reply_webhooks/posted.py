"""What a provider posts, and the email in it."""

import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from pydantic import SecretStr


@dataclass(frozen=True, repr=False)
class Posted:
    """An HTTP request of a provider."""

    body: bytes
    content_type: str
    authorization: str


@dataclass(frozen=True, repr=False)
class Delivered:
    """An email as it arrived, and the addresses that it was sent to by its envelope."""

    raw: bytes
    recipients: tuple[str, ...]


class Provider(Protocol):
    """A service that receives mail and posts it to us."""

    async def read(self, posted: Posted) -> Delivered | None:
        """Return the email; None if the post is about something else.

        Raises `DeliveryUnsigned`, `DeliveryInvalid` and `DeliveryUnverified`.
        """

    async def close(self) -> None:
        """Close the connections, if there are any."""


def is_one_of(given: bytes, expected: Iterable[bytes]) -> bool:
    """Return whether `given` is one of these. The time doesn't depend on how much of it is right."""
    return any(hmac.compare_digest(given, each) for each in expected)


def plain(secrets: Iterable[SecretStr]) -> list[bytes]:
    """Return the secrets, readable."""
    return [secret.get_secret_value().encode() for secret in secrets]
