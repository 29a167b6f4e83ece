"""Creates JWTs as the identity provider would, for the embedded stack and for tests by hand."""

from datetime import UTC, datetime, timedelta

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from nodes.errors import SettingsInvalid
from nodes.settings import IdentitySettings


def token(settings: IdentitySettings, user_id: str, lifetime: timedelta = timedelta(hours=1)) -> str:
    """Return a token for this user. Raises `SettingsInvalid` where only the identity provider can create one."""
    now = datetime.now(UTC)
    claims = {
        "sub": user_id,
        settings.jwt_user_claim: user_id,
        "iss": settings.jwt_issuer,
        "aud": settings.jwt_audience,
        "iat": now,
        "exp": now + lifetime,
    }
    if settings.jwt_secret:
        return jwt.encode(claims, settings.jwt_secret.get_secret_value(), algorithm="HS256")
    if settings.jwt_private_key is None:
        raise SettingsInvalid(
            "Settings:\n  JWT_PRIVATE_KEY is not set: only the identity provider can make a token here"
        )
    pem = settings.jwt_private_key.get_secret_value()
    return jwt.encode(claims, pem, algorithm=_algorithm_of(pem))


def _algorithm_of(pem: str) -> str:
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError):  # not a key, or one with a password
        raise SettingsInvalid("Settings:\n  JWT_PRIVATE_KEY is not a private key in PEM form") from None
    if isinstance(key, RSAPrivateKey):
        return "RS256"
    if isinstance(key, EllipticCurvePrivateKey):
        return {256: "ES256", 384: "ES384", 521: "ES512"}[key.key_size]
    return "EdDSA"
