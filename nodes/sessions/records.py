"""A session's row, and the part of it that decides what comes next."""

import hashlib
import secrets
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter

from nodes.rules.blueprints.screens import Passed
from nodes.rules.reasons import MAX_FEEDBACK_CHARACTERS
from nodes.sessions.claims import SessionClaims


@dataclass(frozen=True)
class Progress:
    """The steps that the customer passed, and the notices that they have read. No free text."""

    passed: tuple[Passed, ...] = ()
    noticed: tuple[str, ...] = ()

    def after(self, step: Passed) -> "Progress":
        """Return the progress once this step is passed; one that was passed before counts as it is now."""
        others = (each for each in self.passed if each.place != step.place)
        return replace(self, passed=(*others, step))

    @property
    def reason(self) -> str | None:
        """The code of the reason that the customer chose last."""
        return next((each.reason for each in reversed(self.passed) if each.reason), None)

    def as_json(self) -> dict[str, Any]:
        """Return it for the session's column."""
        found: dict[str, Any] = _PROGRESS.dump_python(self, mode="json")
        return found


@dataclass(frozen=True)
class Session:
    """A row of `cancel_sessions`. `outcome`: that of its last request, or `abandoned`; None while it goes on."""

    id: UUID
    user_id: str
    subscription_id: str | None
    browser: bytes
    opened_at: datetime
    options: dict[str, Any]
    blueprint_version: int
    blueprint: str
    figures: dict[str, Any]
    progress: dict[str, Any]
    texts: dict[str, str]
    component: bool  # the React component's, not the page's
    listed: dict[str, Any]  # the options that the component was given: see component.py
    cancellation_id: UUID | None
    change_id: UUID | None
    outcome: str | None

    @property
    def claims(self) -> SessionClaims:
        """What its token said."""
        return SessionClaims.model_validate(self.options)

    @property
    def so_far(self) -> Progress:
        """Its progress."""
        return _PROGRESS.validate_python(self.progress)

    @property
    def feedback(self) -> str | None:
        """What the customer wrote, in the order of the steps, as one text."""
        texts = [self.texts[place] for place in sorted(self.texts, key=int)]
        return "\n\n".join(texts)[:MAX_FEEDBACK_CHARACTERS] or None

    def with_text(self, place: int, text: str) -> "Session":
        """Return the session with a step's text, if there is one."""
        return replace(self, texts=self.texts | {str(place): text}) if text else self

    def is_of(self, browser: "Browser") -> bool:
        """Return whether it was opened in this browser."""
        return secrets.compare_digest(self.browser, browser.fingerprint)


class Browser:
    """The browser that opened a session, known by the random secret in its cookie. Only the hash is kept."""

    def __init__(self, secret: str) -> None:
        self.secret = secret

    @classmethod
    def new(cls) -> "Browser":
        """Return one with a new secret."""
        return cls(secrets.token_urlsafe(32))

    @cached_property
    def fingerprint(self) -> bytes:
        """The SHA-256 of its secret."""
        return hashlib.sha256(self.secret.encode()).digest()


_PROGRESS = TypeAdapter(Progress)
