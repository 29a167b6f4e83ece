"""Settings of the identity provider, whose tokens say who calls."""

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from nodes.settings.group import SettingsGroup


class IdentitySettings(SettingsGroup):
    """The verification of tokens, with exactly one of the three key sources."""

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

    # On the last of the three: a model validator would not run while another setting is missing.
    @field_validator("jwt_secret")
    @classmethod
    def _one_key_source(cls, secret: SecretStr | None, others: ValidationInfo) -> SecretStr | None:
        given = [others.data.get("jwt_jwks_url"), others.data.get("jwt_public_key"), secret]
        if sum(key is not None for key in given) != 1:
            raise ValueError("Set exactly one of JWT_JWKS_URL, JWT_PUBLIC_KEY, JWT_SECRET: who signs the tokens")
        return secret
