"""Session tokens: short-lived JWTs with which a company opens the cancel page for a customer (FEATURES U01)."""

import time
from typing import Any

import jwt
from pydantic import ValidationError

from deployments.http.key_set import KeySet
from nodes.refusals.sessions import SessionTokenExpired, SessionTokenInvalid
from nodes.sessions.claims import SessionClaims
from nodes.settings import CancelPageSettings

REQUIRED = ("exp", "iss", "jti")
# The longest time from now that a token may still be valid: a link that leaks must be worth little.
LONGEST_SECONDS = 3600
# More than a link can hold in common browsers and proxies.
LONGEST_TOKEN = 8192
# PyJWT checks neither the type nor the range of a time.
_WRONG = (jwt.PyJWTError, ValueError, TypeError, OverflowError)


class SessionTokens:
    """A verifier of session tokens. The algorithm follows from the setting, never from the token."""

    def __init__(self, settings: CancelPageSettings, *, live: bool) -> None:
        self._secrets = {key_id: secret.get_secret_value() for key_id, secret in settings.session_secrets.items()}
        self._key_set = KeySet(settings.session_jwks_url, "SESSION_JWKS_URL") if settings.session_jwks_url else None
        self._algorithms = list(KeySet.algorithms) if self._key_set else ["HS256"]
        self._issuer = settings.session_issuer
        self._mode = "live" if live else "test"

    @property
    def on(self) -> bool:
        """Whether there is a key, and so a cancel page."""
        return bool(self._secrets or self._key_set)

    async def read(self, token: str, *, even_expired: bool = False) -> SessionClaims:
        """Return a token's claims. `even_expired`: for a session that it opened while it was valid.

        Raises `SessionTokenExpired`, and `SessionTokenInvalid` for anything else, without saying what (FEATURES U22).
        """
        if len(token) > LONGEST_TOKEN:
            raise SessionTokenInvalid
        try:
            claims = jwt.decode(
                token,
                await self._key_for(token),
                algorithms=self._algorithms,
                issuer=self._issuer,
                # `iat` may be ahead where the company's clock is, and an audience may be named.
                options={
                    "require": list(REQUIRED),
                    "verify_exp": not even_expired,
                    "verify_iat": False,
                    "verify_sub": False,
                    "verify_aud": False,
                },
            )
        except jwt.ExpiredSignatureError:
            raise SessionTokenExpired from None
        except _WRONG:
            raise SessionTokenInvalid from None
        return self._checked(claims)

    def _checked(self, claims: dict[str, Any]) -> SessionClaims:
        try:
            found = SessionClaims.model_validate(claims)
        except ValidationError:
            raise SessionTokenInvalid from None
        expires = claims["exp"]
        if not isinstance(expires, int | float) or expires > time.time() + LONGEST_SECONDS or found.mode != self._mode:
            raise SessionTokenInvalid
        return found

    async def _key_for(self, token: str) -> str | jwt.PyJWK:
        if self._key_set:
            return await self._key_set.key_for(token)
        key_id = jwt.get_unverified_header(token).get("kid")
        if key_id is None and len(self._secrets) == 1:
            return next(iter(self._secrets.values()))
        if key_id not in self._secrets:
            raise jwt.InvalidKeyError
        return self._secrets[key_id]
