"""`POST /webhooks/calls`: store the result of a call, and respond immediately (FEATURES A13)."""

import hashlib
from typing import Annotated, Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from deployments.http.api.json_body import parsed, read_raw
from deployments.http.api.responses import respond
from deployments.http.dependencies import TheBacklog, TheCallResults, TheServices
from nodes.call_results.inbox import CallResult, receive
from nodes.rules.calls.results import Heard, Status, Warmth
from nodes.rules.reason_classes import ReasonClass
from nodes.services import using

router = APIRouter(tags=["webhooks"], include_in_schema=False)

# The transcript of half an hour is about 40 KiB.
MAX_RESULT_BYTES = 1024 * 1024

# PostgreSQL can't store NUL.
_Id = Annotated[str, Field(min_length=1, max_length=255, pattern="^[^\\x00]*$")]
_Text = Annotated[str, Field(max_length=500_000, pattern="^[^\\x00]*$")]
_Url = Annotated[str, Field(max_length=2048, pattern="^https?://[^\\x00\\s]+$")]


class ResultData(BaseModel):
    """What is reported about one call. Members that are not listed here are ignored."""

    model_config = ConfigDict(alias_generator=to_camel)

    call_id: _Id
    webhook_id: _Id | None = None
    status: Status
    ended_at: AwareDatetime | None = None
    reason_class: ReasonClass | None = None
    warmth: Warmth | None = None
    transcript: _Text | None = None
    recording_url: _Url | None = None
    summary: _Text | None = None
    action_items: Annotated[list[_Text], Field(max_length=50)] = []
    requests: list[Heard] = []


class Result(BaseModel):
    """Body of `POST /webhooks/calls`."""

    type: Literal["calls.result"]
    data: ResultData

    def stored(self) -> CallResult:
        """Return what is stored of it."""
        data = self.data
        return CallResult(
            vendor_call_id=data.call_id,
            named=data.webhook_id,
            ended_at=data.ended_at,
            fingerprint=hashlib.sha256(data.model_dump_json().encode()).digest(),
            status=data.status,
            reason_class=data.reason_class,
            warmth=data.warmth,
            transcript=data.transcript,
            recording_url=data.recording_url,
            summary=data.summary,
            action_items=data.action_items,
            requests_heard=data.requests,
        )


@router.post("/webhooks/calls")
async def call_result(
    request: Request, results: TheCallResults, backlog: TheBacklog, services: TheServices
) -> JSONResponse:
    """Respond 401 without the vendor's signature, 400 to a body that is no result, else 200 once it is stored.

    Also to a repetition, and to a result of a call that is not known here, which `cancelflow calls` lists.
    """
    raw = await read_raw(request, MAX_RESULT_BYTES)
    results.verify(raw, request.headers)
    result = parsed(raw, Result)
    with using(services):
        if await receive(result.stored()):
            backlog.result_came()
    return respond(200, {"received": True})
