"""FastAPI dependencies of the routes: caller, services, runner, backlog and webhooks."""

from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase

from deployments.http.backlog import Backlog
from deployments.http.identity import Identity
from deployments.http.runner import Runner
from deployments.http.session_tokens import SessionTokens
from nodes.clients.calls.results import CallResults
from nodes.clients.reply_webhooks.providers import ReplyWebhooks
from nodes.clients.webhooks import Webhooks
from nodes.services import Services


class _BearerOrService(SecurityBase):
    """The bearer token scheme, for a route that the company's server may call too.

    FastAPI's own class responds 403 without a token.
    """

    model = HTTPBearer(bearerFormat="JWT")
    scheme_name = "HTTPBearer"

    async def __call__(self, request: Request) -> str | None:
        """Return the caller's user id; None for the company's server. Raises `Unauthenticated`."""
        identity: Identity = request.app.state.identity
        authorization = request.headers.get("authorization")
        return None if identity.is_companys(authorization) else await identity.caller(authorization)


class _Bearer(_BearerOrService):
    """The same for customers only."""

    async def __call__(self, request: Request) -> str:
        """Return the caller's user id. Raises `Unauthenticated`."""
        identity: Identity = request.app.state.identity
        return await identity.caller(request.headers.get("authorization"))


def _of_the_application(name: str) -> Any:
    # A coroutine: FastAPI runs plain functions in threads, for which a burst of requests would have to wait.
    async def found(request: Request) -> Any:
        return getattr(request.app.state, name)

    return Depends(found)


Caller = Annotated[str, Depends(_Bearer())]
CallerOrService = Annotated[str | None, Depends(_BearerOrService())]
TheRunner = Annotated[Runner, _of_the_application("runner")]
TheBacklog = Annotated[Backlog, _of_the_application("backlog")]
TheCallResults = Annotated[CallResults, _of_the_application("call_results")]
TheWebhooks = Annotated[Webhooks, _of_the_application("webhooks")]
TheReplyWebhooks = Annotated[ReplyWebhooks, _of_the_application("reply_webhooks")]
TheSessionTokens = Annotated[SessionTokens, _of_the_application("session_tokens")]
TheServices = Annotated[Services, _of_the_application("services")]
