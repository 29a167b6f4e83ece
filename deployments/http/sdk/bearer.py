"""The component's token: `ck_` and base64url of JSON, in which `h` is our signed session token. Only that counts."""

from dataclasses import dataclass

from fastapi import Request

from deployments.http.session_tokens import SessionTokens
from nodes.refusals.sessions import SessionTokenExpired, SessionTokenInvalid
from nodes.sessions.claims import SessionClaims


@dataclass(frozen=True)
class Bearer:
    """A verified call. `token`: the signed token, which is the session's secret. `expired`: it may not open one."""

    token: str
    claims: SessionClaims
    expired: bool


async def bearer_of(request: Request, tokens: SessionTokens, app_id: str | None = None) -> Bearer:
    """Return the caller's token. `app_id`: of the path.

    Raises `SessionTokenInvalid` for a token that isn't ours, and where the other headers contradict it.
    """
    token = request.headers.get("x-ck-authorization", "")
    try:
        bearer = Bearer(token, await tokens.read(token), expired=False)
    except SessionTokenExpired:
        bearer = Bearer(token, await tokens.read(token, even_expired=True), expired=True)
    if app_id not in (None, bearer.claims.iss) or _contradicted(request, bearer.claims):
        raise SessionTokenInvalid
    return bearer


def _contradicted(request: Request, claims: SessionClaims) -> bool:
    """Return whether a header says something else than the signed token: those of the browser prove nothing."""
    signed: dict[str, set[str | None]] = {
        "x-ck-app": {claims.iss},
        "x-ck-customer": {claims.user_id, claims.customer},
        "x-ck-mode": {claims.mode},
        "x-ck-subscription": {claims.subscription_id},
    }
    return any(name in request.headers and request.headers[name] not in values for name, values in signed.items())
