"""`POST /consents`: record what a customer accepted or revoked (FEATURES A01 to A04), and `GET /consents`."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from deployments.http.api.bodies import RecordConsentRequest
from deployments.http.api.cancel_subscription import IdempotencyKey
from deployments.http.api.consent_bodies import ConsentRecorded, Consents
from deployments.http.api.json_body import read_json
from deployments.http.api.responses import problems, respond
from deployments.http.dependencies import Caller, CallerOrService, TheServices
from nodes.consents.ledger import Entry, record
from nodes.consents.preferences import Choice, choices_in_own_language
from nodes.refusals.consents import NotYourConsent, SourceNotAllowed, UserNotNamed
from nodes.rules.consents import counts
from nodes.rules.dates import rfc3339
from nodes.services import using

router = APIRouter(tags=["consents"])

_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/RecordConsentRequest"}}},
    }
}


@router.post(
    "/consents",
    response_model=ConsentRecorded,
    responses=problems(400, 401, 403, 408, 409, 413, 415, 422, 429, 503),
    openapi_extra=_BODY,
)
async def record_consent(
    request: Request, caller: CallerOrService, services: TheServices, idempotency_key: IdempotencyKey = None
) -> JSONResponse:
    """Record an acceptance, with the wording that was shown, or a revocation, which needs nothing else.

    For the user of the token, or, with a service token of the company's server, for any user. With an
    `Idempotency-Key`, a repetition within 24 hours records nothing and returns the same response.
    """
    body = await read_json(request, RecordConsentRequest)
    entry = Entry(
        body.channel,
        body.accepted,
        body.source,
        body.wording_version,
        body.language,
        body.evidence,
        body.phone_number,
    )
    with using(services):
        recorded = await record(_user(caller, body), entry, idempotency_key)
        least = services.settings.consent_min_version
        return respond(
            200,
            {
                "success": True,
                "channel": recorded.channel,
                "accepted": recorded.accepted,
                "recorded_at": rfc3339(recorded.recorded_at),
                "wording_version": recorded.version,
                "language": recorded.language,
                "counts": counts(recorded, least),
            },
        )


def _user(caller: str | None, body: RecordConsentRequest) -> str:
    """Return the user that a call is about. `caller`: None for the company's server."""
    if caller is None:
        if body.user_id is None:
            raise UserNotNamed
        return body.user_id
    if body.user_id not in (None, caller):
        raise NotYourConsent
    if body.source not in (None, "form"):
        raise SourceNotAllowed
    return caller


@router.get("/consents", response_model=Consents, responses=problems(401, 503))
async def consents(caller: Caller, services: TheServices) -> JSONResponse:
    """Return each channel that the company asks about: whether the user may be contacted there, and the wording."""
    with using(services):
        found = await choices_in_own_language(caller)
    return respond(200, {"consents": [_channel(each) for each in found.channels]})


def _channel(choice: Choice) -> dict[str, Any]:
    consent, wording = choice.consent, choice.wording
    return {
        "channel": choice.channel,
        "accepted": consent.accepted if consent else None,
        "counts": choice.counts,
        "recorded_at": rfc3339(consent.recorded_at) if consent else None,
        "wording_version": wording.version,
        "language": wording.language,
        "text": wording.text,
    }
