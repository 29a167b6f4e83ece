"""Makes session tokens as the company's server would, for trying the cancel page."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import jwt

from nodes.errors import SettingsInvalid
from nodes.settings import SessionTokenSettings

LIFETIME = timedelta(minutes=5)


def session_token(settings: SessionTokenSettings, user_id: str, subscription_id: str | None = None) -> str:
    """Return a token that opens the cancel page. Raises `SettingsInvalid` without a secret to sign with."""
    if not settings.session_secrets:
        raise SettingsInvalid("Settings:\n  SESSION_SECRETS is not set: only your server can make a session token")
    key_id, secret = next(iter(settings.session_secrets.items()))
    claims = {
        "iss": settings.session_issuer,
        "sub": user_id,
        "subscription_id": subscription_id,
        "mode": "live" if settings.live else "test",
        "exp": datetime.now(UTC) + LIFETIME,
        "jti": str(uuid4()),
    }
    return jwt.encode(claims, secret.get_secret_value(), algorithm="HS256", headers={"kid": key_id})
