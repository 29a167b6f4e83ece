"""All settings, typed and read from the environment.

A command loads only the groups that it needs, so that `migrate` requires no Stripe key. `load` reports all missing and
invalid settings together. Secrets are `SecretStr`: their repr is masked, and validation errors never show input.
"""

import re
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import (
    DirectoryPath,
    Field,
    FilePath,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from nodes.errors import SettingsInvalid
from nodes.rules.catalog import PastDuePolicy
from nodes.rules.offers import WhenDiscounted

# The URLs that both libpq and yoyo accept: user, password, host, port, name, parameters.
_WORD = r"(?:[^\s:@/?#%\[\]]|%[0-9A-Fa-f]{2})*"
_HOST = rf"(?:\[[0-9A-Fa-f:.]+\]|{_WORD})"
_POSTGRESQL_URL = re.compile(
    rf"postgres(?:ql)?://(?:{_WORD}(?::{_WORD})*@)?{_HOST}(?::\d+)?(?:/{_WORD})?(?:\?[^\s#]*)?"
)

# Plain HTTP only for a receiver on the same machine, as while developing one.
_WEBHOOK_URL = re.compile(r"https://[^\s/]|http://(127\.0\.0\.1|localhost)[:/]")
# 24 bytes are 32 characters of base64.
_WEBHOOK_SECRET = re.compile(r"whsec_(?:[A-Za-z0-9+/]{4}){8,}(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")


class SettingsGroup(BaseSettings):
    """The base of every group: plain upper-case names, unknown names ignored, no value ever shown."""

    model_config = SettingsConfigDict(extra="ignore", hide_input_in_errors=True, env_ignore_empty=True)


class DatabaseSettings(SettingsGroup):
    """The PostgreSQL connection."""

    database_url: SecretStr = Field(description="PostgreSQL, as the application: postgresql://user:password@host/name")
    database_admin_url: SecretStr | None = Field(
        default=None, description="PostgreSQL, as the owner, for `migrate` and `seed`; default: DATABASE_URL"
    )
    data_deletion_plan: DirectoryPath | None = Field(
        default=None, description="a folder with deletion steps for your own tables, in addition to sql/data_deletion"
    )
    database_pool_size: int = Field(default=10, ge=1, description="maximum connections per process")

    @field_validator("database_url", "database_admin_url")
    @classmethod
    def _reads_as_postgresql(cls, url: SecretStr | None, field: ValidationInfo) -> SecretStr | None:
        # Checked here because the driver's own error would quote the URL with its password.
        if url is not None and not _POSTGRESQL_URL.fullmatch(url.get_secret_value()):
            raise ValueError(
                f"{(field.field_name or '').upper()} must read: postgresql://user:password@host:port/name, "
                "with special characters percent-encoded"
            )
        return url

    @property
    def admin_url(self) -> str:
        """The connection string of the role that may create tables."""
        return (self.database_admin_url or self.database_url).get_secret_value()


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
        if url is not None and not _WEBHOOK_URL.match(url):
            raise ValueError("MANUAL_WEBHOOK_URL must begin with https:// (or http:// on this machine)")
        return url

    @field_validator("manual_webhook_secret")
    @classmethod
    def _signs(cls, secret: SecretStr | None, others: ValidationInfo) -> SecretStr | None:
        if secret is None and others.data.get("manual_webhook_url"):
            raise ValueError("MANUAL_WEBHOOK_SECRET is not set: it signs what is sent to MANUAL_WEBHOOK_URL")
        if secret is not None and not _WEBHOOK_SECRET.fullmatch(secret.get_secret_value()):
            raise ValueError("MANUAL_WEBHOOK_SECRET must be whsec_ and the base64 of 24 random bytes or more")
        return secret


class LinkSettings(SettingsGroup):
    """The address and the signing secret of the links in emails."""

    link_secret: SecretStr = Field(min_length=32, description="the key that signs email links; 32 characters or more")
    public_url: str = Field(default="http://127.0.0.1:8000", description="the trigger's address, as customers reach it")


class PolicySettings(SettingsGroup):
    """The company's business rules."""

    catalog: FilePath | None = Field(
        default=None, description="your plans and their offers, YAML; without it, the specification's three plans"
    )
    past_due_policy: PastDuePolicy = Field(
        default="end_and_void",
        description="what happens when a customer cancels without having paid for the current period, unless the plan "
        "says otherwise: end_and_void, end_and_keep_invoice or keep_period",
    )
    reason_optional_countries: Annotated[frozenset[str], NoDecode] = Field(
        default=frozenset(), description="ISO 3166 codes, comma-separated: customers there needn't give a reason"
    )
    offer_when_discounted: WhenDiscounted = Field(
        default="skip", description="if a discount is active: skip the offer, replace the discount, or add to it"
    )

    access_while_paused: bool = Field(
        default=False, description="whether customers can use the product while their billing is paused"
    )
    pause_reminder_days: int = Field(
        default=5, ge=0, le=30, description="days before billing resumes after a pause, for the email that says so"
    )

    attempts_per_minute: int = Field(
        default=60, ge=0, description="attempts to cancel or reactivate per user and minute; 0: no limit"
    )

    reason_email_after: Annotated[int, Field(ge=0)] | None = Field(
        default=3600, description="seconds from a cancellation in Stripe to the email that asks why, or never"
    )

    @field_validator("reason_email_after", mode="before")
    @classmethod
    def _read_never(cls, seconds: object) -> object:
        return None if seconds == "never" else seconds

    @model_validator(mode="before")
    @classmethod
    def _split_countries(cls, values: dict[str, object]) -> dict[str, object]:
        countries = values.get("reason_optional_countries")
        if isinstance(countries, str):
            values["reason_optional_countries"] = {c.strip().upper() for c in countries.split(",") if c.strip()}
        return values


class BlueprintSettings(PolicySettings):
    """The settings of `cancelflow blueprints`. The trigger reads what was published."""

    blueprints: DirectoryPath | None = Field(
        default=None, description="a folder with the steps of your cancel page, YAML; without it, the default set"
    )


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


# A key id and its secret.
_SESSION_SECRET = re.compile(r"([A-Za-z0-9_.-]{1,40}):(.{32,})")


class CancelPageSettings(SettingsGroup):
    """The page on which customers cancel, which a token signed by the company's server opens."""

    session_secrets: Annotated[dict[str, SecretStr], NoDecode] = Field(
        default={},
        description="KEY_ID:SECRET, comma-separated during rotation, each secret 32 characters or more: what your "
        "server signs session tokens with, as HS256; without it or SESSION_JWKS_URL there is no cancel page",
    )
    session_jwks_url: str | None = Field(default=None, description="instead of secrets: the key set of your server")
    session_issuer: str = Field(default="cancelflow", description="the `iss` that a session token must carry")
    session_refresh_url: str | None = Field(
        default=None, description="your page that makes a new session token, for customers whose link has expired"
    )
    page_logo: FilePath | None = Field(default=None, description="your logo on the cancel page: .svg, .png or .webp")
    page_color: str | None = Field(
        default=None, pattern=r"^#[0-9a-fA-F]{6}$", description="the colour of the cancel page's buttons, as #1a4fd0"
    )
    page_stylesheet: FilePath | None = Field(
        default=None, description="your CSS for the cancel page, after its own; it can load nothing from elsewhere"
    )
    session_idle_minutes: int = Field(
        default=30, ge=1, description="minutes without activity after which a session counts as abandoned"
    )

    @field_validator("session_secrets", mode="before")
    @classmethod
    def _by_key_id(cls, given: object) -> object:
        if not isinstance(given, str):
            return given
        pairs = [_SESSION_SECRET.fullmatch(each.strip()) for each in given.split(",") if each.strip()]
        if not all(pairs):
            raise ValueError("SESSION_SECRETS must read KEY_ID:SECRET, with secrets of 32 characters or more")
        return {pair[1]: pair[2] for pair in pairs if pair}

    @field_validator("page_logo")
    @classmethod
    def _is_an_image(cls, logo: Path | None) -> Path | None:
        if logo is not None and logo.suffix not in (".svg", ".png", ".webp"):
            raise ValueError("PAGE_LOGO must be an .svg, .png or .webp")
        return logo

    @field_validator("session_jwks_url")
    @classmethod
    def _one_source(cls, url: str | None, others: ValidationInfo) -> str | None:
        if url and others.data.get("session_secrets"):
            raise ValueError("Set SESSION_SECRETS or SESSION_JWKS_URL, not both: who signs session tokens")
        return url


class ServiceSettings(
    DatabaseSettings,
    BillingSettings,
    EventSettings,
    MailSettings,
    HookSettings,
    LinkSettings,
    PolicySettings,
    CancelPageSettings,
):
    """The settings of a flow, and of the pages."""

    @property
    def ask_why_after(self) -> int | None:
        """Seconds until the email that asks why; None if it is disabled or replies have no inbox."""
        return self.reason_email_after if self.reply_to else None


class SessionTokenSettings(BillingSettings, CancelPageSettings):
    """The settings of `session-token`."""


class SessionSettings(DatabaseSettings, CancelPageSettings):
    """The settings of `session`, for operators."""


class SeedSettings(DatabaseSettings, BillingSettings):
    """The settings of `seed`, for the demo customers."""


class ImportSettings(DatabaseSettings, BillingSettings, PolicySettings):
    """The settings of the import."""


class PrefectSettings(SettingsGroup):
    """The Prefect server. Prefect reads the variable itself, and would start its own server without it."""

    prefect_api_url: str = Field(description="the Prefect server's API, http://host:4200/api")


class StartPageSettings(SettingsGroup):
    """The page at `/`, for a stack on one machine."""

    start_page: bool = Field(default=False, description="whether `/` shows a page with links; the embedded stack does")
    inbox_url: str | None = Field(default=None, description="the address of the mail inbox, for the start page")
    prefect_ui_url: str | None = Field(default=None, description="the address of the Prefect UI, for the start page")


class TriggerSettings(ServiceSettings, IdentitySettings, PrefectSettings, StartPageSettings):
    """The settings of the HTTP trigger."""

    http_host: str = Field(default="127.0.0.1", description="the address the trigger listens on")
    http_port: int = Field(default=8000, ge=0, le=65535, description="the port the trigger listens on")


Group = TypeVar("Group", bound=SettingsGroup)


def load(group: type[Group]) -> Group:
    """Read one group; raises `SettingsInvalid`, which names every missing or invalid setting."""
    try:
        return group()
    except ValidationError as error:
        raise SettingsInvalid(_explained(group, error)) from None


def _explained(group: type[SettingsGroup], error: ValidationError) -> str:
    lines = []
    for problem in error.errors(include_input=False, include_url=False):
        if problem["type"] == "value_error":  # from a validator above, whose message names the setting
            lines.append(problem["msg"].removeprefix("Value error, "))
            continue
        name = str(problem["loc"][0])
        what = "is not set" if problem["type"] == "missing" else f"is wrong: {problem['msg']}"
        lines.append(f"{name.upper()} {what} ({group.model_fields[name].description})")
    return "Settings:\n  " + "\n  ".join(lines)
