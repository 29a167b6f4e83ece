"""Settings of customers' replies: how they come in, and the model that puts them into categories."""

from typing import Annotated

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import NoDecode

from nodes.settings.group import SettingsGroup, named_values
from nodes.settings.messages import WEBHOOK_URL

PROVIDERS = ("mailgun", "postmark", "ses")


class ReplySettings(SettingsGroup):
    """How replies come in, and their model. Without an address, that is the one that ships with cancelflow."""

    reply_imap_url: SecretStr | None = Field(
        default=None, description="imaps://user:password@host/folder: the mailbox that gets the mail to REPLY_TO"
    )
    reply_webhooks: Annotated[dict[str, tuple[SecretStr, ...]], NoDecode] = Field(
        default={},
        description="PROVIDER=SECRET, comma-separated: who posts the mail to REPLY_TO. mailgun=signing key, "
        "postmark=user:password, ses=the ARN of the SNS topic",
    )
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

    @property
    def receives_replies(self) -> bool:
        """Whether replies come in here, so that emails have a reply address of their own."""
        return bool(self.reply_imap_url or self.reply_webhooks)

    @field_validator("reply_webhooks", mode="before")
    @classmethod
    def _reply_webhooks(cls, given: object) -> object:
        if not isinstance(given, str):
            return given
        found: dict[str, tuple[SecretStr, ...]] = {}
        for provider, secret in named_values(given):
            if provider not in PROVIDERS or not secret:
                raise ValueError(
                    f"REPLY_WEBHOOKS must read PROVIDER=SECRET, comma-separated, where PROVIDER is one of "
                    f"{', '.join(PROVIDERS)}"
                )
            found[provider] = (*found.get(provider, ()), SecretStr(secret))
        return found

    @field_validator("reply_model_url")
    @classmethod
    def _model_url(cls, url: str | None) -> str | None:
        if url is not None and not WEBHOOK_URL.match(url):
            raise ValueError("REPLY_MODEL_URL must begin with https:// (or http:// on this machine)")
        return url

    @field_validator("reply_model_name")
    @classmethod
    def _model_name(cls, name: str | None, others: ValidationInfo) -> str | None:
        if name is None and others.data.get("reply_model_url"):
            raise ValueError("REPLY_MODEL_NAME is not set: which model at REPLY_MODEL_URL reads the replies")
        return name
