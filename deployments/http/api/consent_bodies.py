"""Types of the response bodies about consents, from which the OpenAPI document is made."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from nodes.rules.consents import Channel

_COUNTS = "whether the customer may be contacted there: accepted, with a wording that is not too old"


class ConsentRecorded(BaseModel):
    """The entry is in the ledger of consents."""

    success: Literal[True] = True
    channel: Channel
    accepted: bool
    recorded_at: datetime
    wording_version: int | None = Field(description="null for a revocation")
    language: str | None = Field(description="empty if the wording is the same for all languages")
    counts: bool = Field(description=_COUNTS)


class ChannelConsent(BaseModel):
    """A channel, what the user decided, and the text that they agreed to, or else the text to ask with."""

    channel: Channel
    accepted: bool | None = Field(description="null if the user was never asked")
    counts: bool = Field(description=_COUNTS)
    recorded_at: datetime | None
    wording_version: int
    language: str = Field(description="empty if the wording is the same for all languages")
    text: str


class Consents(BaseModel):
    """The channels that the company asks about; none before it has published a wording."""

    consents: list[ChannelConsent]
