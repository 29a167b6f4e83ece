"""Settings of consents."""

from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import NoDecode

from nodes.rules.consents import CHANNELS, Channel
from nodes.settings.group import SettingsGroup


class ConsentSettings(SettingsGroup):
    """Which consents count."""

    consent_min_version: Annotated[dict[Channel, int], NoDecode] = Field(
        default={},
        description="CHANNEL=VERSION, comma-separated: the oldest wording whose acceptance counts; customers who "
        f"accepted an older one are asked again; a channel is one of {', '.join(CHANNELS)}",
    )

    @field_validator("consent_min_version", mode="before")
    @classmethod
    def _by_channel(cls, given: object) -> object:
        if not isinstance(given, str):
            return given
        pairs = [each.strip().partition("=") for each in given.split(",") if each.strip()]
        right = all(channel in CHANNELS and version.isdecimal() and int(version) for channel, _, version in pairs)
        if not right or len({channel for channel, _, _ in pairs}) < len(pairs):
            raise ValueError(
                "CONSENT_MIN_VERSION must read CHANNEL=VERSION, as phone=2,email_marketing=1, each channel once; a "
                f"channel is one of {', '.join(CHANNELS)}"
            )
        return {channel: int(version) for channel, _, version in pairs}
