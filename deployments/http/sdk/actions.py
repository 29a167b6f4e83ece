"""The component's actions, each carried out through the flow that the API starts.

The component shows any 2xx as done. So a call responds 2xx once Stripe confirms the change, or once a person has it to
complete, which the component has told the customer before. While a request is still in progress, the response is a 503:
the component says that it didn't work yet, and pressing again continues the same request.
"""

from collections.abc import Awaitable

from fastapi.responses import JSONResponse

from deployments.http.api.carry_out import status_by
from deployments.http.api.responses import RETRY_AFTER_SECONDS, respond
from deployments.http.in_session import Decided, InSession, response_in
from deployments.http.sdk.bodies import Acceptance
from nodes.cancellation.intake import Asked as AskedToCancel
from nodes.changes.intake import Asked
from nodes.messages.customer_locale import CustomerLocale
from nodes.problems import problem
from nodes.refusals.base import Refusal
from nodes.refusals.changes import DurationNotOffered, OfferNotFound, PriceNotOffered
from nodes.refusals.requests import KeyUnderWay
from nodes.refusals.sessions import SessionIsPreview
from nodes.requests.intake import Received
from nodes.requests.kind import CANCELLATION, CHANGE, Kind
from nodes.rules.reasons import PREFER_NOT_TO_SAY
from nodes.sessions.component import Listed, component_key, listed
from nodes.sessions.component_flow import component_flow
from nodes.sessions.component_record import fill_in_reason
from nodes.sessions.passing import refused_change
from nodes.sessions.records import Session
from nodes.sessions.store import session_of
from nodes.subscriptions.find import find_subscription

_NOT_OFFERED: dict[str, type[Refusal]] = {
    "discount": OfferNotFound,
    "pause": DurationNotOffered,
    "plan_change": PriceNotOffered,
    "trial_extension": OfferNotFound,
}


async def option_for(session: Session, acceptance: Acceptance, reads: CustomerLocale) -> Listed:
    """Return the session's option that is accepted. Raises a refusal for any other (FEATURES C14)."""
    if session.claims.preview:
        raise SessionIsPreview
    if not session.listed:  # the component hasn't asked for its config
        session = (await component_flow(session, reads, again=False)).session
    for each in listed(session):
        if each.is_for(acceptance.kind, acceptance.wanted):
            return each
    raise _NOT_OFFERED[acceptance.kind]("This session has no such offer: nothing was changed")


async def accept(call: InSession, option: Listed) -> JSONResponse:
    """Accept the option with what it was shown to cost."""
    session = call.session
    asked = Asked(option.offer, session.subscription_id, option.choice)
    key = await component_key(session, asked.fingerprint())
    decided = await _decided(call, CHANGE, call.change(asked, key))
    if decided.response and decided.response.outcome == "refused":
        await refused_change(call.session, decided.request_id, option.offer)
    return _respond(decided)


async def cancel(call: InSession) -> JSONResponse:
    """Cancel without a reason: the component sends it afterwards, in the session's record."""
    session = call.session
    if session.claims.preview:
        raise SessionIsPreview
    subscription_id = session.subscription_id or (await find_subscription(session.user_id, None)).id
    asked = AskedToCancel(session.user_id, PREFER_NOT_TO_SAY, None, accept_offer=False, subscription_id=subscription_id)
    key = await component_key(session, asked.fingerprint())
    decided = await _decided(call, CANCELLATION, call.cancel(asked, key))
    if current := await session_of(session.id):
        await fill_in_reason(current)
        if current.outcome == "manual":
            return respond(202, {"success": True, "status": "received", "request_id": str(decided.request_id)})
    return _respond(decided)


async def _decided(call: InSession, kind: Kind, carrying_out: Awaitable[Decided]) -> Decided:
    """Return the request once it has a response, or at the deadline. A concurrent repetition joins the first call."""
    try:
        decided = await carrying_out
    except KeyUnderWay as first:
        if first.request_id is None:
            raise
        decided = Decided(first.request_id, None)
    if decided.response is not None:
        return decided
    session = await session_of(call.session.id)
    if session and session.outcome == "manual":
        return decided
    earlier = Received(decided.request_id, joined=True)
    return Decided(decided.request_id, response_in(await status_by(call.deadline, kind, earlier, call.session.user_id)))


def _respond(decided: Decided) -> JSONResponse:
    if decided.response:
        return respond(decided.response.http_status, decided.response.body)
    detail = "The request is recorded and still in progress: send it again"
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
    return respond(503, problem(503, "in-progress", detail, decided.request_id), **headers)
