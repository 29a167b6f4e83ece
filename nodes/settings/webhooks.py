"""Settings of outgoing webhooks."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import NoDecode

from nodes.rules.webhook_events import WEBHOOK_EVENTS
from nodes.settings.group import SettingsGroup, named_values
from nodes.settings.messages import WEBHOOK_SECRET, WEBHOOK_URL

_NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")


@dataclass(frozen=True)
class WebhookEndpoint:
    """A receiver of webhooks. `events`: the types that it takes."""

    url: str
    secret: SecretStr
    events: tuple[str, ...]


class WebhookSettings(SettingsGroup):
    """The company's endpoints, each by a name of its own."""

    webhooks: Annotated[dict[str, str], NoDecode] = Field(
        default={},
        description="NAME=https://…, comma-separated: your endpoints that get webhooks about sessions, offers and "
        "subscriptions",
    )
    webhook_secrets: Annotated[dict[str, SecretStr], NoDecode] = Field(
        default={},
        validate_default=True,
        description="NAME=whsec_…, comma-separated, which signs each endpoint's: base64 of 24 random bytes or more",
    )
    webhook_events: Annotated[dict[str, tuple[str, ...]], NoDecode] = Field(
        default={},
        description="NAME=TYPE TYPE, comma-separated: the only types that an endpoint gets; without it, every one",
    )

    @property
    def webhook_endpoints(self) -> dict[str, WebhookEndpoint]:
        """The endpoints by name."""
        return {
            name: WebhookEndpoint(url, self.webhook_secrets[name], self.webhook_events.get(name, WEBHOOK_EVENTS))
            for name, url in self.webhooks.items()
        }

    @property
    def webhook_types(self) -> dict[str, list[str]]:
        """The types that each endpoint takes, by its name."""
        return {name: list(endpoint.events) for name, endpoint in self.webhook_endpoints.items()}

    @field_validator("webhooks", mode="before")
    @classmethod
    def _urls(cls, given: object) -> object:
        if not isinstance(given, str):
            return given
        pairs = named_values(given)
        if not all(_NAME.fullmatch(name) and WEBHOOK_URL.match(url) for name, url in pairs):
            raise ValueError(
                "WEBHOOKS must read NAME=https://…, comma-separated (or http:// on this machine), where NAME is up to "
                "40 letters, digits, - and _"
            )
        if len(dict(pairs)) < len(pairs):
            raise ValueError("WEBHOOKS names an endpoint twice")
        return dict(pairs)

    @field_validator("webhook_secrets", mode="before")
    @classmethod
    def _secrets(cls, given: object, others: ValidationInfo) -> object:
        found = dict(named_values(given)) if isinstance(given, str) else given
        if not isinstance(found, dict) or "webhooks" not in others.data:
            return found
        _are_the_endpoints(found, others, "WEBHOOK_SECRETS")
        if missing := others.data["webhooks"].keys() - found.keys():
            raise ValueError(f"WEBHOOK_SECRETS has no secret for {', '.join(sorted(missing))}, an endpoint in WEBHOOKS")
        if not all(WEBHOOK_SECRET.fullmatch(str(secret)) for secret in found.values()):
            raise ValueError("Each secret in WEBHOOK_SECRETS must be whsec_ and the base64 of 24 random bytes or more")
        return found

    @field_validator("webhook_events", mode="before")
    @classmethod
    def _types(cls, given: object, others: ValidationInfo) -> object:
        if not isinstance(given, str):
            return given
        found = {name: tuple(types.split()) for name, types in named_values(given)}
        _are_the_endpoints(found, others, "WEBHOOK_EVENTS")
        if not all(types and set(types) <= set(WEBHOOK_EVENTS) for types in found.values()):
            raise ValueError(
                "WEBHOOK_EVENTS must read NAME=TYPE TYPE, comma-separated, where TYPE is one of "
                f"{', '.join(WEBHOOK_EVENTS)}"
            )
        return found


def _are_the_endpoints(found: Mapping[str, object], others: ValidationInfo, setting: str) -> None:
    """Refuse a name that is no endpoint's. The message doesn't quote it, as it could be a misplaced secret."""
    if found.keys() - others.data.get("webhooks", found).keys():
        raise ValueError(f"{setting} must read NAME=…, comma-separated, where NAME is an endpoint's in WEBHOOKS")
