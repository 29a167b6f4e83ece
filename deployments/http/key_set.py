"""A JWKS key set: public keys of whoever signs tokens, fetched and cached (FEATURES W28)."""

import asyncio

import jwt

from nodes.errors import CancelflowError

# The keys change rarely, so the set is cached this long. For an unknown key it is fetched again, but at most this
# often: a token may name any key, and forged tokens must not cause load at the provider.
JWKS_LIFETIME_SECONDS = 300
JWKS_COOLDOWN_SECONDS = 10
JWKS_TIMEOUT_SECONDS = 3

RSA = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
ELLIPTIC = ("ES256", "ES384", "ES512")
EDWARDS = ("EdDSA",)


class IdentityProviderUnavailable(CancelflowError):
    """The key set could not be fetched, so no token can be verified."""


class KeySet:
    """The key set at a URL. `setting`: the setting that names it, for errors."""

    algorithms = (*RSA, *ELLIPTIC, *EDWARDS)

    def __init__(self, url: str, setting: str) -> None:
        self._setting = setting
        self._client = jwt.PyJWKClient(
            url, lifespan=JWKS_LIFETIME_SECONDS, cooldown_duration=JWKS_COOLDOWN_SECONDS, timeout=JWKS_TIMEOUT_SECONDS
        )

    async def key_for(self, token: str) -> jwt.PyJWK:
        """Return the key that signed a token. Raises `jwt.PyJWTError` and `IdentityProviderUnavailable`."""
        if known := self._known_key(token):
            return known
        try:
            # In a thread, because the client blocks while it fetches.
            return await asyncio.to_thread(self._client.get_signing_key_from_jwt, token)
        except (jwt.PyJWKClientConnectionError, jwt.PyJWKSetError, OSError, ValueError):
            # ValueError: the response is not JSON. An invalid token raises another error, before the fetch.
            raise IdentityProviderUnavailable("The identity provider's key set could not be fetched") from None

    async def usable_keys(self) -> int:
        """Return how many keys can verify a token. Raises `IdentityProviderUnavailable`."""
        try:
            return len(await asyncio.to_thread(self._client.get_signing_keys))
        except (jwt.PyJWKClientError, jwt.PyJWKSetError, OSError, ValueError) as error:
            raise IdentityProviderUnavailable(f"No usable key at {self._setting} ({type(error).__name__})") from None

    def _known_key(self, token: str) -> jwt.PyJWK | None:
        """Return the key if it is in the cached set, so that a burst of tokens needs no threads."""
        cache = self._client.jwk_set_cache
        fetched = cache.get() if cache else None
        key_id = jwt.get_unverified_header(token).get("kid")
        if fetched is None or key_id is None:
            return None
        signing = [key for key in fetched.keys if key.public_key_use in ("sig", None)]
        return jwt.PyJWKClient.match_kid(signing, key_id)
