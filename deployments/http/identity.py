"""Authentication: a JWT signed by a trusted key, for this audience and not expired (FEATURES W27, W28)."""

from hmac import compare_digest

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from deployments.http.key_set import EDWARDS, ELLIPTIC, RSA, KeySet
from nodes.errors import CancelflowError, SettingsInvalid
from nodes.rules.user_ids import MAX_CHARACTERS, user_id_of
from nodes.settings import IdentitySettings

PublicKey = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey | Ed448PublicKey


class Unauthenticated(CancelflowError):
    """The token is missing or invalid. The message says which, and contains nothing of the token."""


class Identity:
    """A verifier of tokens, with one key, one secret or a key set.

    The accepted algorithms follow from the configured kind of key, never from the token: this prevents `alg: none` and
    HS256 signed with a public key.
    """

    def __init__(self, settings: IdentitySettings) -> None:
        self._issuer = settings.jwt_issuer
        self._audience = settings.jwt_audience
        self._user_claim = settings.jwt_user_claim
        self._service_tokens = [each.get_secret_value().encode() for each in settings.service_tokens]
        self._key_set: KeySet | None = None
        self._key: str | PublicKey | None = None
        self._algorithms: tuple[str, ...] = ("HS256",)
        if settings.jwt_jwks_url:
            self._key_set = KeySet(settings.jwt_jwks_url, "JWT_JWKS_URL")
            self._algorithms = KeySet.algorithms
        elif settings.jwt_public_key:
            self._key, self._algorithms = _read_key(settings.jwt_public_key)
        elif settings.jwt_secret:
            self._key = settings.jwt_secret.get_secret_value()

    async def caller(self, authorization: str | None) -> str:
        """Return the user id in the token of an `Authorization` header. Raises `Unauthenticated`."""
        token = _bearer(authorization)
        try:
            claims = jwt.decode(
                token,
                await self._key_for(token),
                algorithms=list(self._algorithms),
                audience=self._audience,
                issuer=self._issuer,
                # `iat` is not checked, since the provider's clock may run ahead; `exp` and `nbf` are. `sub` may be an
                # integer, or absent where another claim holds the user id.
                options={"require": ["exp", "aud", "iss"], "verify_iat": False, "verify_sub": False},
            )
        except jwt.ExpiredSignatureError:
            raise Unauthenticated("The token has expired") from None
        except jwt.PyJWTError:
            raise Unauthenticated("The token is not valid here") from None
        user_id = user_id_of(claims.get(self._user_claim))
        if user_id is None:
            raise Unauthenticated(
                f"The token's user id is not valid: its claim {self._user_claim} must be a string of 1 to "
                f"{MAX_CHARACTERS} characters, or an integer"
            )
        return user_id

    def is_companys(self, authorization: str | None) -> bool:
        """Return whether an `Authorization` header holds one of the service tokens. Raises `Unauthenticated`."""
        token = _bearer(authorization).encode()
        return any(compare_digest(token, each) for each in self._service_tokens)

    async def usable_keys(self) -> int:
        """Return how many keys of the key set can verify a token. Raises `IdentityProviderUnavailable`."""
        return await self._key_set.usable_keys() if self._key_set else 0

    async def _key_for(self, token: str) -> str | PublicKey | jwt.PyJWK:
        return await self._key_set.key_for(token) if self._key_set else self._key or ""


def _bearer(authorization: str | None) -> str:
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated("Send a token: Authorization: Bearer …")
    return token.strip()


def _read_key(pem: str) -> tuple[PublicKey, tuple[str, ...]]:
    """Return the key, parsed once for all tokens, and its algorithms."""
    try:
        key = load_pem_public_key(pem.encode())
    except ValueError:
        raise SettingsInvalid("Settings:\n  JWT_PUBLIC_KEY is not a public key in PEM form") from None
    match key:
        case RSAPublicKey():
            return key, RSA
        case EllipticCurvePublicKey():
            return key, ELLIPTIC
        case Ed25519PublicKey() | Ed448PublicKey():
            return key, EDWARDS
    raise SettingsInvalid("Settings:\n  JWT_PUBLIC_KEY is of a kind that signs no tokens: use RSA, EC or Ed25519")
