"""Settings of calls to customers who cancelled."""

import re
from typing import Annotated

from pydantic import Field, FilePath, SecretStr, ValidationInfo, field_validator
from pydantic_settings import NoDecode

from nodes.settings.group import SettingsGroup, named_values
from nodes.settings.messages import WEBHOOK_SECRET, WEBHOOK_URL

_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class CallSettings(SettingsGroup):
    """The script of calls, and the vendor that makes them."""

    call_script: FilePath | None = Field(
        default=None, description="your script for calls, a Jinja template; without it, the default one"
    )
    call_script_fields: Annotated[dict[str, str], NoDecode] = Field(
        default={},
        description="NAME=VALUE, comma-separated: what fills the script's own placeholders, as agentName=Robin",
    )
    call_webhook_url: str | None = Field(
        default=None, description="https://…, of the vendor that calls customers who cancelled; without it, none is"
    )
    call_webhook_secret: SecretStr | None = Field(
        default=None, validate_default=True, description="whsec_…, which signs it: base64 of 24 random bytes or more"
    )
    call_result_secrets: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        default=(),
        description="whsec_…, comma-separated during rotation, with which the vendor signs results; without one, "
        "none is accepted",
    )
    call_attempts: int = Field(default=5, ge=1, le=20, description="attempts to hand a call to the vendor")
    calls_per_day: int = Field(default=100, ge=1, description="the most calls from midnight to midnight, in UTC")

    @field_validator("call_webhook_url")
    @classmethod
    def _call_url(cls, url: str | None) -> str | None:
        if url is not None and not WEBHOOK_URL.match(url):
            raise ValueError("CALL_WEBHOOK_URL must begin with https:// (or http:// on this machine)")
        return url

    @field_validator("call_webhook_secret")
    @classmethod
    def _call_secret(cls, secret: SecretStr | None, others: ValidationInfo) -> SecretStr | None:
        if secret is None and others.data.get("call_webhook_url"):
            raise ValueError("CALL_WEBHOOK_SECRET is not set: it signs what is sent to CALL_WEBHOOK_URL")
        if secret is not None and not WEBHOOK_SECRET.fullmatch(secret.get_secret_value()):
            raise ValueError("CALL_WEBHOOK_SECRET must be whsec_ and the base64 of 24 random bytes or more")
        return secret

    @field_validator("call_result_secrets", mode="before")
    @classmethod
    def _result_secrets(cls, secrets: object) -> object:
        if not isinstance(secrets, str):
            return secrets
        found = [each.strip() for each in secrets.split(",") if each.strip()]
        if not all(WEBHOOK_SECRET.fullmatch(each) for each in found):
            raise ValueError("CALL_RESULT_SECRETS must be whsec_ and the base64 of 24 random bytes or more each")
        return found

    @field_validator("call_script_fields", mode="before")
    @classmethod
    def _by_name(cls, given: object) -> object:
        if not isinstance(given, str):
            return given
        pairs = named_values(given)
        if not all(_FIELD.fullmatch(name) and value.strip() for name, value in pairs):
            raise ValueError("CALL_SCRIPT_FIELDS must read NAME=VALUE, comma-separated")
        if len(dict(pairs)) < len(pairs):
            raise ValueError("CALL_SCRIPT_FIELDS names a placeholder twice")
        return {name: value.strip() for name, value in pairs}
