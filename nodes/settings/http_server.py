"""Settings of the trigger's HTTP server."""

from ipaddress import ip_network
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import NoDecode

from nodes.settings.group import SettingsGroup

THIS_MACHINE = ("127.0.0.1",)


class HttpSettings(SettingsGroup):
    """The HTTP server, its proxies, and the page that needs no login."""

    http_host: str = Field(default="127.0.0.1", description="the address the trigger listens on")
    http_port: int = Field(default=8000, ge=0, le=65535, description="the port the trigger listens on")
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = Field(
        default=THIS_MACHINE,
        description="the addresses or networks of your reverse proxies, comma-separated; only their X-Forwarded-For "
        "says who the client is",
    )
    cancel_without_login: bool = Field(
        default=False, description="whether customers can cancel at /cancel-without-login, with a code sent by email"
    )

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _are_networks(cls, given: object) -> object:
        if not isinstance(given, str):
            return given
        proxies = tuple(each.strip() for each in given.split(",") if each.strip())
        try:
            for each in proxies:
                ip_network(each)
        except ValueError:
            raise ValueError(
                "TRUSTED_PROXIES must be addresses such as 10.0.0.7 or networks such as 10.0.0.0/24, comma-separated"
            ) from None
        return proxies
