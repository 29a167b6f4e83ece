"""Signed links in emails, each for one purpose and with an expiry time, and keyed hashes. Links contain ids only."""

import hmac
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import urlencode, urlsplit

import jwt

from nodes.errors import SettingsInvalid
from nodes.refusals.links import LinkExpired, LinkInvalid
from nodes.settings import LinkSettings

Purpose = Literal["reactivate", "feedback", "resume"]
# The link to a customer's preferences is about the customer, and not about a request.
_PREFERENCES = "preferences"

_ALGORITHM = "HS256"


@dataclass(frozen=True)
class LinkPayload:
    """The claims in an email link: its holder received the email about this request."""

    purpose: Purpose
    subscription_id: str
    request_id: str
    expires_at: datetime


class Links:
    """Signs and verifies links with `LINK_SECRET`, under `PUBLIC_URL`. Raises `SettingsInvalid` for a wrong URL."""

    def __init__(self, settings: LinkSettings) -> None:
        self._secret = settings.link_secret.get_secret_value()
        self._public_url = settings.public_url.rstrip("/")
        parts = urlsplit(self._public_url)
        if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment:
            raise SettingsInvalid("Settings:\n  PUBLIC_URL must read: https://host, with a path where there is one")

    def url(self, purpose: Purpose, *, subscription_id: str, request_id: str, expires_at: datetime) -> str:
        """Return the complete link: `PUBLIC_URL/reactivate?token=…` or `PUBLIC_URL/feedback?token=…`."""
        token = self.sign(purpose, subscription_id=subscription_id, request_id=request_id, expires_at=expires_at)
        return f"{self._public_url}/{purpose}?{urlencode({'token': token})}"

    def feedback_url_in_path(self, *, subscription_id: str, request_id: str, expires_at: datetime) -> str:
        """Return `PUBLIC_URL/feedback/…`, for an email in which only the question has a question mark."""
        token = self.sign("feedback", subscription_id=subscription_id, request_id=request_id, expires_at=expires_at)
        return f"{self._public_url}/feedback/{token}"

    def sign(self, purpose: Purpose, *, subscription_id: str, request_id: str, expires_at: datetime) -> str:
        """Return a token valid until `expires_at` (aware, whole seconds); equal arguments give an equal token."""
        return self._signed(purpose, expires_at, sub=subscription_id, request_id=request_id)

    def preferences_url(self, user_id: str, expires_at: datetime) -> str:
        """Return `PUBLIC_URL/preferences/…`, the user's own, which has no question mark either."""
        return f"{self._public_url}/preferences/{self._signed(_PREFERENCES, expires_at, sub=user_id)}"

    def unsubscribe_url(self, user_id: str, expires_at: datetime) -> str:
        """Return `PUBLIC_URL/preferences?token=…`, the same page, to which a mail program can post (RFC 8058)."""
        token = self._signed(_PREFERENCES, expires_at, sub=user_id)
        return f"{self._public_url}/preferences?{urlencode({'token': token})}"

    def user_of(self, token: str) -> str:
        """Return the user whose preferences a token leads to. Raises as `verify`."""
        return str(self._claims(token, _PREFERENCES, "sub")["sub"])

    def verify(self, token: str, purpose: Purpose) -> LinkPayload:
        """Verify a token. Raises `LinkExpired` after its expiry and `LinkInvalid` for anything else."""
        claims = self._claims(token, purpose, "sub", "request_id")
        expires_at = datetime.fromtimestamp(claims["exp"], UTC)
        return LinkPayload(purpose, claims["sub"], str(claims["request_id"]), expires_at)

    def _signed(self, audience: str, expires_at: datetime, **about: str) -> str:
        claims = {"aud": audience, **about, "exp": int(expires_at.timestamp())}
        return jwt.encode(claims, self._secret, algorithm=_ALGORITHM)

    def _claims(self, token: str, audience: str, *about: str) -> dict[str, Any]:
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                self._secret,
                algorithms=[_ALGORITHM],
                audience=audience,
                options={"require": ["aud", "exp", *about], "strict_aud": True},
            )
        except jwt.ExpiredSignatureError:
            raise LinkExpired from None
        except jwt.InvalidTokenError:
            raise LinkInvalid from None
        return claims

    def digest(self, of: str, text: str) -> bytes:
        """Return a keyed hash: without the secret it says nothing about the text. `of`: what the text is.

        No token is a hash of such a message, because the input of a token has no zero byte.
        """
        return hmac.digest(self._secret.encode(), f"{of}\0{text}".encode(), "sha256")
