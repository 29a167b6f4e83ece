"""The calls of the component: the flow's config, an address for each action, and the record of the session."""

from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response

from deployments.http.api.json_body import read_json
from deployments.http.api.responses import respond
from deployments.http.dependencies import TheBacklog, TheRunner, TheServices, TheSessionTokens
from deployments.http.in_session import InSession
from deployments.http.sdk.actions import accept, cancel, option_for
from deployments.http.sdk.bearer import bearer_of
from deployments.http.sdk.bodies import Acceptance, Cancel, ChangePlan, Discount, ExtendTrial, Pause, SessionRecord
from deployments.http.sdk.config import config_of
from deployments.http.sdk.origins import PREFIX, refuse_foreign_origin
from deployments.http.sdk.record import record_of, refuse_never_requested
from deployments.http.session_tokens import SessionTokens
from nodes.messages.customer_locale import CustomerLocale, customer_locale
from nodes.requests.intake import attempt_of
from nodes.requests.kind import CANCELLATION, CHANGES
from nodes.services import services, using
from nodes.sessions.component import component_session
from nodes.sessions.component_flow import component_flow
from nodes.sessions.component_record import save_record
from nodes.sessions.records import Session

router = APIRouter(prefix=PREFIX, include_in_schema=False, dependencies=[Depends(refuse_foreign_origin)])
# The component puts the issuer into the path as it is, and it may be a URL.
_FLOW = "/api/orgs/{app_id:path}/cancel-flow"
_PRIVATE = {"Cache-Control": "no-store"}


@router.post(f"{_FLOW}/config")
async def config(request: Request, app_id: str, available: TheServices, tokens: TheSessionTokens) -> JSONResponse:
    """Open the token's session, or continue it, and return its steps and offers."""
    with using(available):
        session = await _session(request, tokens, app_id)
        reads = await _reads(session)
        return respond(200, await config_of(await component_flow(session, reads), reads), **_PRIVATE)


def _accepting(model: type[Acceptance]) -> Callable[..., Awaitable[JSONResponse]]:
    async def act(
        request: Request,
        app_id: str,
        available: TheServices,
        tokens: TheSessionTokens,
        runner: TheRunner,
        backlog: TheBacklog,
    ) -> JSONResponse:
        with using(available):
            session = await _session(request, tokens, app_id)
            async with attempt_of(CHANGES[model.kind], session.user_id):
                option = await option_for(session, await read_json(request, model), await _reads(session))
            return await accept(InSession(session, runner, backlog, request.state.arrived), option)

    return act


_ACCEPTED: dict[str, type[Acceptance]] = {
    "discount": Discount,
    "pause": Pause,
    "change-plan": ChangePlan,
    "extend-trial": ExtendTrial,
}
for name, model in _ACCEPTED.items():
    router.add_api_route(f"{_FLOW}/actions/{name}", _accepting(model), methods=["POST"])


@router.post(f"{_FLOW}/actions/cancel")
async def cancel_now(
    request: Request,
    app_id: str,
    available: TheServices,
    tokens: TheSessionTokens,
    runner: TheRunner,
    backlog: TheBacklog,
) -> JSONResponse:
    """Cancel the session's subscription."""
    with using(available):
        session = await _session(request, tokens, app_id)
        async with attempt_of(CANCELLATION, session.user_id):
            await read_json(request, Cancel)
        return await cancel(InSession(session, runner, backlog, request.state.arrived))


@router.post("/api/sessions/sdk")
async def record(request: Request, available: TheServices, tokens: TheSessionTokens) -> Response:
    """Save the reason, the text and what was shown; nothing else of the record changes anything."""
    with using(available):
        session = await _session(request, tokens)
        async with attempt_of(CANCELLATION, session.user_id):
            body = await read_json(request, SessionRecord)
            await save_record(session, await record_of(session, body))
            refuse_never_requested(session, body)
        return Response(status_code=204)


async def _session(request: Request, tokens: SessionTokens, app_id: str | None = None) -> Session:
    bearer = await bearer_of(request, tokens, app_id)
    return await component_session(bearer.claims, bearer.token, expired=bearer.expired)


async def _reads(session: Session) -> CustomerLocale:
    """Return the language that the token names, else the customer's, and the customer's time zone (FEATURES C12)."""
    async with services().database.as_user(session.user_id) as transaction:
        reads = await customer_locale(transaction, session.user_id)
    return session.claims.i18n.instead_of(reads)
