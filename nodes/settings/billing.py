"""Settings of Stripe."""

from typing import Annotated

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import NoDecode

from nodes.settings.group import SettingsGroup


class BillingSettings(SettingsGroup):
    """The Stripe account, and how its objects map to users."""

    stripe_api_key: SecretStr = Field(description="Stripe's secret key, sk_… or rk_…")
    stripe_api_base: str | None = Field(default=None, description="a simulator's address; default: the real Stripe")
    stripe_webhook_secrets: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        default=(), description="whsec_…, comma-separated during rotation; without one the endpoint is off"
    )

    stripe_user_key: str = Field(
        default="user_id",
        min_length=1,
        description="the metadata key of Stripe subscriptions or customers that holds your user's id; where it is "
        "missing, the Stripe customer's id is the user's id",
    )
    sync_from_stripe: bool = Field(
        default=True,
        description="whether webhooks copy users and subscriptions from Stripe; set to false if your own system fills "
        "those tables",
    )

    @property
    def live(self) -> bool:
        """Whether the key is for live mode."""
        return self.stripe_api_key.get_secret_value().startswith(("sk_live_", "rk_live_"))

    @field_validator("stripe_webhook_secrets", mode="before")
    @classmethod
    def _split_secrets(cls, secrets: object) -> object:
        return [s.strip() for s in secrets.split(",") if s.strip()] if isinstance(secrets, str) else secrets
