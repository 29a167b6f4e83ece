"""What a route asks for: the caller, the services, the runner."""

from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPBearer

from deployments.http.backlog import Backlog
from deployments.http.identity import Identity
from deployments.http.runner import Runner
from nodes.clients.webhooks import Webhooks
from nodes.services import Services

# For the OpenAPI document; the judging is ours, since a missing token is our 401 and not FastAPI's 403.
_BEARER = HTTPBearer(auto_error=False, bearerFormat="JWT")


async def _caller(request: Request, _: Annotated[object, Depends(_BEARER)]) -> str:
    identity: Identity = request.app.state.identity
    return await identity.caller(request.headers.get("authorization"))


def _runner(request: Request) -> Runner:
    runner: Runner = request.app.state.runner
    return runner


def _backlog(request: Request) -> Backlog:
    backlog: Backlog = request.app.state.backlog
    return backlog


def _webhooks(request: Request) -> Webhooks:
    webhooks: Webhooks = request.app.state.webhooks
    return webhooks


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


Caller = Annotated[str, Depends(_caller)]
TheRunner = Annotated[Runner, Depends(_runner)]
TheBacklog = Annotated[Backlog, Depends(_backlog)]
TheWebhooks = Annotated[Webhooks, Depends(_webhooks)]
TheServices = Annotated[Services, Depends(_services)]
