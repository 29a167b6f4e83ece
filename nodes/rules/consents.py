"""Consents: on which channels a customer may be contacted (FEATURES A01 to A04)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

Channel = Literal["phone", "sms", "email_marketing"]
CHANNELS: tuple[Channel, ...] = get_args(Channel)
Source = Literal["form", "import", "reply", "call", "operator"]


@dataclass(frozen=True)
class Wording:
    """The text of a channel's consent in one language; an empty `language` is for all customers."""

    channel: Channel
    version: int
    language: str
    text: str

    @property
    def key(self) -> str:
        """Return what a form sends back to say which text of the channel was shown."""
        return f"{self.version}:{self.language}"


@dataclass(frozen=True)
class Consent:
    """A customer's newest entry for a channel: an acceptance of a wording, or a revocation, which has none.

    `phone_number`: which the acceptance is about, in E.164; None: the one that Stripe has.
    """

    id: int
    channel: Channel
    accepted: bool
    recorded_at: datetime
    version: int | None
    language: str | None
    source: Source | None
    phone_number: str | None


def counts(consent: Consent | None, least: Mapping[Channel, int]) -> bool:
    """Return whether the customer may be contacted. `least`: by channel, the oldest version that still counts."""
    if consent is None or not consent.accepted or consent.version is None:
        return False
    return consent.version >= least.get(consent.channel, 1)
