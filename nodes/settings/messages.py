"""Settings of what cancelflow sends: events, emails with their links, and webhooks."""

import re

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from nodes.settings.group import SettingsGroup

# Plain HTTP only for a receiver on the same machine, as while developing one.
WEBHOOK_URL = re.compile(r"https://[^\s/]|http://(127\.0\.0\.1|localhost)[:/]")
# 24 bytes are 32 characters of base64.
WEBHOOK_SECRET = re.compile(r"whsec_(?:[A-Za-z0-9+/]{4}){8,}(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")


class EventSettings(SettingsGroup):
    """The Pub/Sub topic."""

    google_cloud_project: str = Field(description="the Google Cloud project that holds the topic")
    pubsub_emulator_host: str | None = Field(default=None, description="HOST:PORT; default: the real Pub/Sub")
    pubsub_topic: str = Field(default="billing-events", description="the topic for step 10B")


class MailSettings(SettingsGroup):
    """The mail server, and the company's details in emails."""

    smtp_url: SecretStr = Field(description="smtp://host:port, smtp+starttls://user:password@host or smtps://…")
    mail_from: str = Field(default="Billing <billing@localhost>", description="the sender of every email")
    reply_to: str | None = Field(
        default=None, description="the inbox for customers' replies; without it, the email that asks why is not sent"
    )
    company_name: str = Field(default="Our team", description="the company's name, in every email")
    company_address: str | None = Field(
        default=None, description="the company's postal address, in marketing emails, as many countries require"
    )
    data_export_url: str | None = Field(default=None, description="where a customer exports their data (WF-054)")
    payment_url: str | None = Field(default=None, description="where a customer pays an open invoice (WF-025)")
    new_subscription_url: str | None = Field(default=None, description="where former customers subscribe again")
    cancel_url: str | None = Field(default=None, description="where customers cancel, linked from emails about offers")


class HookSettings(SettingsGroup):
    """The webhook that tells the company's team about a request that a person has to carry out."""

    manual_webhook_url: str | None = Field(
        default=None, description="https://…, for requests about subscriptions that are `manual` in the catalogue"
    )
    manual_webhook_secret: SecretStr | None = Field(
        default=None, validate_default=True, description="whsec_…, which signs it: base64 of 24 random bytes or more"
    )

    @field_validator("manual_webhook_url")
    @classmethod
    def _encrypted(cls, url: str | None) -> str | None:
        if url is not None and not WEBHOOK_URL.match(url):
            raise ValueError("MANUAL_WEBHOOK_URL must begin with https:// (or http:// on this machine)")
        return url

    @field_validator("manual_webhook_secret")
    @classmethod
    def _signs(cls, secret: SecretStr | None, others: ValidationInfo) -> SecretStr | None:
        if secret is None and others.data.get("manual_webhook_url"):
            raise ValueError("MANUAL_WEBHOOK_SECRET is not set: it signs what is sent to MANUAL_WEBHOOK_URL")
        if secret is not None and not WEBHOOK_SECRET.fullmatch(secret.get_secret_value()):
            raise ValueError("MANUAL_WEBHOOK_SECRET must be whsec_ and the base64 of 24 random bytes or more")
        return secret


class LinkSettings(SettingsGroup):
    """The address and the signing secret of the links in emails."""

    link_secret: SecretStr = Field(min_length=32, description="the key that signs email links; 32 characters or more")
    public_url: str = Field(default="http://127.0.0.1:8000", description="the trigger's address, as customers reach it")
