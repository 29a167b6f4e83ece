"""All settings, typed and read from the environment, by subject; here, what each command needs of them.

A command loads only the groups that it needs, so that `migrate` requires no Stripe key. `load` reports all missing and
invalid settings together. Secrets are masked, and validation errors never show input.
"""

from pydantic import Field

from nodes.settings.action_hooks import ActionHookSettings
from nodes.settings.billing import BillingSettings
from nodes.settings.calls import CallSettings
from nodes.settings.cancel_page import CancelPageSettings
from nodes.settings.consents import ConsentSettings
from nodes.settings.database import DatabaseSettings
from nodes.settings.group import Group, SettingsGroup, load
from nodes.settings.http_server import HttpSettings
from nodes.settings.identity import IdentitySettings
from nodes.settings.messages import EventSettings, HookSettings, LinkSettings, MailSettings
from nodes.settings.policy import BlueprintSettings, PolicySettings
from nodes.settings.replies import ReplySettings
from nodes.settings.webhooks import WebhookSettings

__all__ = [
    "ActionHookSettings",
    "BillingSettings",
    "BlueprintSettings",
    "CallScriptSettings",
    "CallSettings",
    "CancelPageSettings",
    "ConsentListSettings",
    "ConsentSettings",
    "DatabaseSettings",
    "EventSettings",
    "Group",
    "HookSettings",
    "HttpSettings",
    "IdentitySettings",
    "ImportSettings",
    "LinkSettings",
    "MailSettings",
    "PolicySettings",
    "PrefectSettings",
    "ReplyListSettings",
    "ReplySettings",
    "SeedSettings",
    "ServiceSettings",
    "SessionSettings",
    "SessionTokenSettings",
    "SettingsGroup",
    "StartPageSettings",
    "TriggerSettings",
    "WebhookSettings",
    "load",
]


class ServiceSettings(
    DatabaseSettings,
    BillingSettings,
    EventSettings,
    MailSettings,
    HookSettings,
    ActionHookSettings,
    WebhookSettings,
    LinkSettings,
    PolicySettings,
    CancelPageSettings,
    ConsentSettings,
    CallSettings,
    ReplySettings,
):
    """The settings of a flow, and of the pages."""

    @property
    def ask_why_after(self) -> int | None:
        """Seconds until the email that asks why; None if it is disabled or replies have no inbox."""
        return self.reason_email_after if self.reply_to else None


class SessionTokenSettings(BillingSettings, CancelPageSettings):
    """The settings of `session-token`."""


class CallScriptSettings(DatabaseSettings, CallSettings):
    """The settings of `script`, and of what `doctor` checks of calls."""


class SessionSettings(DatabaseSettings, CancelPageSettings):
    """The settings of `session`, for operators."""


class ConsentListSettings(DatabaseSettings, ConsentSettings):
    """The settings of `consents list`, for operators."""


class ReplyListSettings(DatabaseSettings, ReplySettings):
    """The settings of `replies`, for operators."""


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


class TriggerSettings(ServiceSettings, IdentitySettings, PrefectSettings, StartPageSettings, HttpSettings):
    """The settings of the HTTP trigger."""
