"""The component's record of a session, as far as it counts."""

from deployments.http.api.json_body import BodyInvalid
from deployments.http.sdk.bodies import ChangePlan, Discount, ExtendTrial, Pause, PresentedOffer, SessionRecord
from nodes.refusals.base import Refusal
from nodes.rules.reasons import PREFER_NOT_TO_SAY
from nodes.sessions.blueprints import blueprint_of
from nodes.sessions.component import listed
from nodes.sessions.component_record import Presented, Record
from nodes.sessions.records import Session

_CARRIED_OUT = {each.kind.upper() for each in (Discount, Pause, ChangePlan, ExtendTrial)}


class NeverRequested(Refusal):
    """A record of something done that the session never requested: the app has no handlers, or they call elsewhere."""

    status = 409
    detail = (
        "The component reported as done what this session never requested, so cancelflow changed nothing. "
        "Give the component the handlers that deployments/http/sdk/README.md shows"
    )


async def record_of(session: Session, body: SessionRecord) -> Record:
    """Return the record. Raises `BodyInvalid` for a reason that isn't the blueprint's.

    Whether it was cancelled, and what was accepted, is in the session's requests, whatever the component says.
    """
    reason = body.survey_choice_id or None
    if reason not in {None, PREFER_NOT_TO_SAY, *(await blueprint_of(session)).blueprint.reasons}:
        raise BodyInvalid("surveyChoiceId: this session's survey has no such reason")
    found = ((each, _offer(session, each)) for each in body.presented_offers)
    presented = tuple(Presented(offer, each.declined_at is not None) for each, offer in found if offer)
    return Record(reason, body.feedback, body.aborted, presented)


def refuse_never_requested(session: Session, body: SessionRecord) -> None:
    """Raise `NeverRequested` for a cancellation or a change that the session has no request for."""
    changed = body.accepted_offer is not None and body.accepted_offer.offer_type in _CARRIED_OUT
    if (body.canceled and session.cancellation_id is None) or (changed and session.change_id is None):
        raise NeverRequested


def _offer(session: Session, presented: PresentedOffer) -> str | None:
    """Return the session's offer that was presented: the one with this id, else the only one of this kind."""
    options = listed(session)
    if presented.guid is not None:
        return presented.guid if any(each.offer == presented.guid for each in options) else None
    kinds = {each.offer for each in options if each.kind.upper() == presented.offer_type}
    return kinds.pop() if len(kinds) == 1 else None
