"""Settings of the identity provider, whose tokens say who calls."""

import re
from typing import Annotated

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import NoDecode

from nodes.settings.group import SettingsGroup

_SERVICE_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]{32,}=*")


class IdentitySettings(SettingsGroup):
    """The verification of customers' tokens, with exactly one of the three key sources, and of the company's own."""

    jwt_jwks_url: str | None = Field(default=None, description="the identity provider's key set")
    jwt_public_key: str | None = Field(default=None, description="one public key, PEM")
    jwt_secret: SecretStr | None = Field(
        default=None, validate_default=True, description="a shared secret, for HS256 only"
    )
    jwt_private_key: SecretStr | None = Field(
        default=None, description="PEM, for `cancelflow token` only; never needed to serve"
    )
    jwt_issuer: str = Field(description="the `iss` that a token must carry")
    jwt_audience: str = Field(description="the `aud` that a token must carry")
    jwt_user_claim: str = Field(default="sub", min_length=1, description="the claim that holds the user's id")

    service_tokens: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        default=(),
        description="your server's own tokens, comma-separated during rotation, each 32 characters or more: with one, "
        "it records any user's consents and bookings; without one, only customers' tokens do",
    )

    @field_validator("service_tokens", mode="before")
    @classmethod
    def _split_tokens(cls, tokens: object) -> object:
        if not isinstance(tokens, str):
            return tokens
        found = [each.strip() for each in tokens.split(",") if each.strip()]
        # As RFC 6750 writes a bearer token, so that any client can send it.
        if not all(_SERVICE_TOKEN.fullmatch(each) for each in found):
            raise ValueError("SERVICE_TOKENS must be 32 characters or more each: letters, digits and -._~+/=")
        return found

    # On the last of the three: a model validator would not run while another setting is missing.
    @field_validator("jwt_secret")
    @classmethod
    def _one_key_source(cls, secret: SecretStr | None, others: ValidationInfo) -> SecretStr | None:
        given = [others.data.get("jwt_jwks_url"), others.data.get("jwt_public_key"), secret]
        if sum(key is not None for key in given) != 1:
            raise ValueError("Set exactly one of JWT_JWKS_URL, JWT_PUBLIC_KEY, JWT_SECRET: who signs the tokens")
        return secret
