"""Settings of the cancel page."""

import re
from pathlib import Path
from typing import Annotated

from pydantic import Field, FilePath, SecretStr, ValidationInfo, field_validator
from pydantic_settings import NoDecode

from nodes.rules.tasks import SESSION_TASKS, SessionTask
from nodes.settings.group import SettingsGroup

# A key id and its secret.
_SESSION_SECRET = re.compile(r"([A-Za-z0-9_.-]{1,40}):(.{32,})")

# As browsers write an origin. A page without TLS could be anyone's.
_HOST = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*"
_ORIGIN = re.compile(rf"https://{_HOST}(:(?!443$)[0-9]{{1,5}})?|http://(localhost|127\.0\.0\.1)(:(?!80$)[0-9]{{1,5}})?")


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

    tasks_for: Annotated[frozenset[SessionTask], NoDecode] = Field(
        default=frozenset(),
        description="which sessions make a task for your team, comma-separated: idle_session (the customer left "
        "without a decision), saved_for_now (they accepted an offer); without it, none",
    )

    embed_origins: Annotated[frozenset[str], NoDecode] = Field(
        default=frozenset(),
        description="the exact origins of your pages that may use cancelflow from a browser, comma-separated, as "
        "https://app.example.com; without them no page may",
    )

    @field_validator("tasks_for", mode="before")
    @classmethod
    def _are_session_tasks(cls, given: object) -> object:
        if not isinstance(given, str):
            return given
        kinds = frozenset(each.strip() for each in given.split(",") if each.strip())
        if kinds - set(SESSION_TASKS):
            raise ValueError(f"TASKS_FOR must name kinds of task, comma-separated: {', '.join(SESSION_TASKS)}")
        return kinds

    @field_validator("embed_origins", mode="before")
    @classmethod
    def _are_origins(cls, given: object) -> object:
        if not isinstance(given, str):
            return given
        origins = frozenset(each.strip() for each in given.split(",") if each.strip())
        if not all(_ORIGIN.fullmatch(each) for each in origins):
            raise ValueError(
                "EMBED_ORIGINS must be origins such as https://app.example.com, comma-separated: lower case, without "
                "a path, a wildcard, a final slash or the usual port; http:// only for localhost and 127.0.0.1"
            )
        return origins

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
