"""FastAPI dependencies of the routes: caller, services, runner, backlog and webhooks."""

from typing import Annotated

from fastapi import Depends, Request
from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase

from deployments.http.backlog import Backlog
from deployments.http.identity import Identity
from deployments.http.runner import Runner
from nodes.clients.webhooks import Webhooks
from nodes.services import Services


class _Bearer(SecurityBase):
    """The bearer token scheme. FastAPI's own class responds 403 without a token."""

    model = HTTPBearer(bearerFormat="JWT")
    scheme_name = "HTTPBearer"

    async def __call__(self, request: Request) -> str:
        """Return the caller's user id. Raises `Unauthenticated`."""
        identity: Identity = request.app.state.identity
        return await identity.caller(request.headers.get("authorization"))


# All are coroutines: FastAPI runs plain functions in threads, for which a burst of requests would have to wait.
async def _runner(request: Request) -> Runner:
    runner: Runner = request.app.state.runner
    return runner


async def _backlog(request: Request) -> Backlog:
    backlog: Backlog = request.app.state.backlog
    return backlog


async def _webhooks(request: Request) -> Webhooks:
    webhooks: Webhooks = request.app.state.webhooks
    return webhooks


async def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


Caller = Annotated[str, Depends(_Bearer())]
TheRunner = Annotated[Runner, Depends(_runner)]
TheBacklog = Annotated[Backlog, Depends(_backlog)]
TheWebhooks = Annotated[Webhooks, Depends(_webhooks)]
TheServices = Annotated[Services, Depends(_services)]
