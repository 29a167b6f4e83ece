"""Makes session tokens as the company's server would, for trying the cancel page."""

import base64
import json
import time
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


def component_token(settings: SessionTokenSettings, user_id: str, subscription_id: str | None = None) -> str:
    """Return the same token in the format of the open-source React component (deployments/http/sdk/README.md)."""
    found = {
        "a": settings.session_issuer,
        "c": user_id,
        **({"s": subscription_id} if subscription_id else {}),
        "h": session_token(settings, user_id, subscription_id),
        "m": "live" if settings.live else "test",
        "t": int(time.time() * 1000),
    }
    return "ck_" + base64.urlsafe_b64encode(json.dumps(found).encode()).rstrip(b"=").decode()
