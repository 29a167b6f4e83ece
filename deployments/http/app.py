"""The HTTP application: its routes, middleware and OpenAPI document."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, FastAPI

from deployments.http import health
from deployments.http.api import bookings, cancel_subscription, consents, look_ups, offers, reactivate_subscription
from deployments.http.api.bodies import (
    AcceptOfferRequest,
    CancelSubscriptionRequest,
    ReactivateSubscriptionRequest,
    RecordBookingRequest,
    RecordConsentRequest,
    ResumeSubscriptionRequest,
)
from deployments.http.api.response_bodies import Problem
from deployments.http.api.responses import HANDLERS
from deployments.http.arrival import Arrival
from deployments.http.backlog import Backlog
from deployments.http.body_time_limit import BodyTimeLimit
from deployments.http.identity import Identity
from deployments.http.pages import api_reference, feedback_link, preferences, reactivate_link, resume_link
from deployments.http.pages.cancel import routes
from deployments.http.pages.embed.scripts import scripts_router
from deployments.http.pages.looks import looks_router
from deployments.http.pages.start_page import start_page
from deployments.http.pages.without_login import routes as without_login
from deployments.http.runner import Runner, run_context
from deployments.http.sdk.origins import AllowedOrigins
from deployments.http.sdk.routes import router as sdk_router
from deployments.http.session_tokens import SessionTokens
from deployments.http.webhooks import calls, replies, stripe
from deployments.prefect.client import shared_client
from flows.resume_unfinished import CHANGES
from nodes.clients.calls.results import CallResults
from nodes.clients.reply_webhooks.providers import ReplyWebhooks
from nodes.clients.webhooks import Webhooks
from nodes.services import judge, open_services
from nodes.settings import TriggerSettings

REQUESTS = (
    CancelSubscriptionRequest,
    ReactivateSubscriptionRequest,
    AcceptOfferRequest,
    ResumeSubscriptionRequest,
    RecordConsentRequest,
    RecordBookingRequest,
)
# Callers wait for these flows, so their runs are created in advance.
WAITED_FOR = ("cancel-subscription", "reactivate-subscription", *(each.name for each in CHANGES.values()))


def create_app(settings: TriggerSettings, shop: APIRouter | None = None) -> FastAPI:
    """Return the application; its clients are open while it runs. `shop`: the demo's. Raises `SettingsInvalid`."""
    identity = Identity(settings)
    judge(settings)
    tokens = SessionTokens(settings, live=settings.live)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_services(settings) as services, shared_client(*WAITED_FOR):
            app.state.identity = identity
            app.state.services = services
            app.state.webhooks = Webhooks(settings)
            app.state.call_results = CallResults(settings)
            app.state.session_tokens = tokens
            app.state.runner = Runner(services, run_context(services))
            app.state.reply_webhooks = ReplyWebhooks(settings)
            mailbox = services.reply_inbox is not None
            app.state.backlog = Backlog(run_context(services), tuple(settings.webhooks), mailbox=mailbox)
            app.state.runner.start()
            app.state.backlog.start()
            yield
            await asyncio.gather(app.state.runner.stop(), app.state.backlog.stop())
            await app.state.reply_webhooks.close()

    app = FastAPI(
        title="cancelflow",
        description="Subscription cancellation, WF-023.",
        version=version("cancelflow"),
        lifespan=lifespan,
        docs_url=None,  # FastAPI's page loads scripts from another server; api_reference replaces it
        redoc_url=None,
        redirect_slashes=False,  # an unknown path is a 404, never a redirect
        exception_handlers=HANDLERS,
    )
    app.add_middleware(AllowedOrigins, origins=settings.embed_origins)
    app.add_middleware(BodyTimeLimit)
    app.add_middleware(Arrival)
    api = (cancel_subscription, reactivate_subscription, offers, bookings, look_ups, consents, health)
    links = (reactivate_link, resume_link, feedback_link, preferences)
    for module in (*api, *links, api_reference, stripe, calls, replies):
        app.include_router(module.router)
    app.include_router(start_page(settings, with_shop=shop is not None))
    app.include_router(looks_router(settings))
    if settings.cancel_without_login:
        app.include_router(without_login.router)
    if tokens.on or settings.cancel_without_login:
        app.include_router(routes.router)
    if tokens.on:
        app.include_router(scripts_router(settings))
        app.include_router(sdk_router)
    if shop:
        app.include_router(shop)
    app.openapi = lambda: _document(app)  # type: ignore[method-assign]
    return app


def _document(app: FastAPI) -> dict[str, Any]:
    """Return FastAPI's document with the bodies that routes handle themselves, and without FastAPI's unused 422."""
    if app.openapi_schema is None:
        document = FastAPI.openapi(app)
        for model in (*REQUESTS, Problem):
            document["components"]["schemas"][model.__name__] = model.model_json_schema()
        for name in ("HTTPValidationError", "ValidationError"):
            document["components"]["schemas"].pop(name, None)
        for path in document["paths"].values():
            for operation in path.values():
                if "HTTPValidationError" in str(operation["responses"].get("422")):
                    del operation["responses"]["422"]
        app.openapi_schema = document
    return app.openapi_schema
