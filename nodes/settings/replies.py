"""Settings of the model that puts customers' replies into categories."""

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from nodes.settings.group import SettingsGroup
from nodes.settings.messages import WEBHOOK_URL


class ReplySettings(SettingsGroup):
    """The model for replies. Without an address, it is the one that ships with cancelflow."""

    reply_model_url: str | None = Field(
        default=None,
        description="https://…/v1, an OpenAI-compatible endpoint; without it, the model that ships with this",
    )
    reply_model_name: str | None = Field(
        default=None, validate_default=True, description="the model's name at REPLY_MODEL_URL"
    )
    reply_model_key: SecretStr | None = Field(
        default=None, description="the API key for REPLY_MODEL_URL, if it needs one"
    )
    reply_min_confidence: float = Field(
        default=0.6, ge=0, le=1, description="from 0 to 1: a category with less confidence needs attention"
    )

    @field_validator("reply_model_url")
    @classmethod
    def _encrypted(cls, url: str | None) -> str | None:
        if url is not None and not WEBHOOK_URL.match(url):
            raise ValueError("REPLY_MODEL_URL must begin with https:// (or http:// on this machine)")
        return url

    @field_validator("reply_model_name")
    @classmethod
    def _named(cls, name: str | None, others: ValidationInfo) -> str | None:
        if name is None and others.data.get("reply_model_url"):
            raise ValueError("REPLY_MODEL_NAME is not set: which model at REPLY_MODEL_URL reads the replies")
        return name
