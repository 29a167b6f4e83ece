"""Responses as JSON and problem+json, and their descriptions in the OpenAPI document."""

from collections.abc import Callable, Coroutine
from typing import Any
from uuid import UUID

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from deployments.http.identity import Unauthenticated
from deployments.http.key_set import IdentityProviderUnavailable
from nodes.errors import BillingFailed, DatabaseUnavailable
from nodes.problems import problem, problem_of
from nodes.refusals.base import Refusal

PROBLEM_JSON = "application/problem+json"
# Short, as outages may end soon; earlier retries would only add load.
RETRY_AFTER_SECONDS = 5


def respond(status: int, body: dict[str, Any], **headers: str) -> JSONResponse:
    """Return a JSON response, as problem+json for an error status."""
    media_type = PROBLEM_JSON if status >= 400 else "application/json"
    return JSONResponse(body, status, headers=headers, media_type=media_type)


def respond_for_request(request_id: UUID, status: int, body: dict[str, Any], **headers: str) -> JSONResponse:
    """Return the same, with the request's id in a header for support."""
    return respond(status, body, **{"Cancellation-Request-Id": str(request_id), **headers})


def unavailable(slug: str, detail: str) -> JSONResponse:
    """Return a 503: nothing was changed, and the call can be retried."""
    return respond(503, problem(503, slug, detail), **{"Retry-After": str(RETRY_AFTER_SECONDS)})


async def on_unauthenticated(_: Request, error: Exception) -> JSONResponse:
    """Return a 401."""
    return respond(401, problem(401, "unauthenticated", str(error)), **{"WWW-Authenticate": "Bearer"})


async def on_refusal(_: Request, error: Exception) -> JSONResponse:
    """Return the response to a refusal outside a flow."""
    if not isinstance(error, Refusal):
        raise error
    headers = {"Retry-After": str(error.retry_after)} if error.retry_after else {}
    return respond(error.status, problem_of(error), **headers)


async def on_part_down(request: Request, error: Exception) -> JSONResponse:
    """Return a 503 for an unavailable dependency, without the error's message."""
    slug, part = _PARTS[next(kind for kind in _PARTS if isinstance(error, kind))]
    if isinstance(error, DatabaseUnavailable) and request.method != "GET":
        # The database may have failed after recording the request but before confirming it.
        return unavailable(slug, f"{part} is not reachable, and may not have recorded your request: try again")
    return unavailable(slug, f"{part} is not reachable. Nothing was changed: try again")


async def on_mistake(_: Request, error: Exception) -> JSONResponse:
    """Return a 500 for an internal error, without details; the server logs it."""
    return respond(500, problem(500, "internal-error", "Something went wrong on our side"))


async def on_invalid_parameter(_: Request, error: Exception) -> JSONResponse:
    """Return a 400 for an invalid path or query parameter, without its value."""
    errors = error.errors() if isinstance(error, RequestValidationError) else []
    found = [{"parameter": str(e["loc"][-1]), "detail": e["msg"]} for e in errors]
    return respond(400, problem(400, "invalid-parameter", "A parameter is not valid", errors=found))


async def on_http_error(_: Request, error: Exception) -> JSONResponse:
    """Return a 404 for an unknown path or a 405 for an unknown method as problem+json."""
    if not isinstance(error, HTTPException):
        raise error
    slug, detail = str(error.detail).lower().replace(" ", "-"), str(error.detail)
    if error.status_code == 404:
        detail = "There is nothing at this address. GET /docs shows every endpoint"
    return respond(error.status_code, problem(error.status_code, slug, detail), **(error.headers or {}))


_PARTS: dict[type[Exception], tuple[str, str]] = {
    DatabaseUnavailable: ("database-unavailable", "The database"),
    BillingFailed: ("billing-unavailable", "Stripe"),
    IdentityProviderUnavailable: ("identity-provider-unavailable", "The identity provider"),
}

HANDLERS: dict[int | type[Exception], Callable[[Request, Any], Coroutine[Any, Any, Response]]] = {
    Unauthenticated: on_unauthenticated,
    Refusal: on_refusal,
    RequestValidationError: on_invalid_parameter,
    HTTPException: on_http_error,
    **dict.fromkeys(_PARTS, on_part_down),
    Exception: on_mistake,
}

_WHEN = {
    400: "The body or a parameter is not valid, or a cancellation has no reason",
    401: "The token is missing or not valid",
    402: "The payment for the change was declined: nothing was changed",
    403: "`user_id` is not the user id in the token",
    404: "No active subscription to cancel",
    408: "The body was not complete within 10 seconds: nothing was changed, and the connection is closed",
    409: "Already scheduled for cancellation, several subscriptions and none named, no offer to accept, the company's "
    "hook turned it down, or an import of a consent that was revoked",
    410: "The subscription has ended: the customer can start a new one",
    413: "The body is larger than 64 KiB",
    415: "The body is not application/json",
    422: "The `Idempotency-Key` was used with another body",
    429: "More attempts within a minute than a person makes: try again after `Retry-After` seconds",
    500: "Stripe failed: nothing was changed, unless Stripe turns out to have applied it",
    503: "A dependency is not reachable: try again after `Retry-After` seconds",
}


_RETRY_AFTER = {"Retry-After": {"schema": {"type": "integer"}, "description": "seconds"}}
_HEADERS = {
    401: {"WWW-Authenticate": {"schema": {"type": "string", "const": "Bearer"}}},
    429: _RETRY_AFTER,
    503: _RETRY_AFTER,
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return a route's `responses` for OpenAPI, without `model`, for which FastAPI would add application/json."""
    content = {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        status: {"description": _WHEN[status], "content": content, "headers": _HEADERS.get(status, {})}
        for status in statuses
    }
