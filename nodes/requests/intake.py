"""Receive an attempt in one round trip: PostgreSQL counts it, checks it, and records the request."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from nodes.problems import problem_of, slug_of
from nodes.refusals.base import Refusal
from nodes.refusals.requests import RequestUnderWay, TooManyAttempts
from nodes.requests.kind import Kind
from nodes.requests.records import Response
from nodes.services import services

# A placeholder that PostgreSQL replaces with the id of the request that is under way.
_UNDER_WAY = "{under_way}"
IN_THE_WAY = RequestUnderWay(under_way=_UNDER_WAY, location=f"/cancellation-requests/{_UNDER_WAY}")


@dataclass(frozen=True)
class Reception:
    """The result of an attempt: the type of this name in sql/migrations."""

    id: UUID
    problem: str | None
    wait: int | None
    outcome: str | None
    http_status: int | None
    response: dict[str, Any] | None
    subscription_id: str | None

    @property
    def answered(self) -> Response | None:
        """The request's response, if it has one already."""
        if self.outcome is None or self.http_status is None or self.response is None:
            return None
        return Response(self.outcome, self.http_status, self.response)


@dataclass(frozen=True)
class Received:
    """The request, and its response if it has one already. `joined`: it is an earlier one that is under way.

    `retry_after` in seconds, if retrying helps.
    """

    request_id: UUID
    response: Response | None = None
    joined: bool = False
    retry_after: int | None = None
    subscription_id: str | None = None  # that the request names


@dataclass(frozen=True)
class _Refused:
    wait: int | None


def by_slug(*refusals: Refusal) -> dict[str, Refusal]:
    """Return the refusals by the slugs that PostgreSQL and callers use."""
    return {slug_of(refusal): refusal for refusal in refusals}


async def received(query: str, refusals: Mapping[str, Refusal], **parameters: object) -> list[Reception]:
    """Receive a request by the statement `query`, which may refuse it for one of `refusals`.

    Returns several for a call about every subscription, in the order in which the subscriptions were created. Raises
    `TooManyAttempts`; nothing was recorded then.
    """
    request_id = uuid4()
    every = await services().database.call_all(
        query,
        Reception,
        request_id=request_id,
        at_most=services().settings.attempts_per_minute,
        refusals=_bodies(refusals, request_id),
        **parameters,
    )
    if (wait := every[0].wait) is not None:
        raise TooManyAttempts(wait)
    return every


def as_received(found: Reception, refusals: Mapping[str, Refusal]) -> Received:
    """Return the reception as a request. Raises a refusal that is no request's response: its key is another's."""
    refusal = refusals[found.problem] if found.problem else None
    if refusal and not found.answered:
        raise type(refusal)(request_id=found.id)
    return Received(
        found.id,
        found.answered,
        joined=found.outcome == "joined",
        retry_after=refusal.retry_after if refusal else None,
        subscription_id=found.subscription_id,
    )


async def count_attempt(action: str, user_id: str) -> None:
    """Count an attempt that makes no request. `action`: its name in the audit log. Raises `TooManyAttempts`."""
    found = await services().database.call(
        "count_attempt",
        _Refused,
        user_id=user_id,
        action=action,
        at_most=services().settings.attempts_per_minute,
        refusals=_bodies({}),
    )
    if found.wait is not None:
        raise TooManyAttempts(found.wait)


@asynccontextmanager
async def attempt_of(kind: Kind, user_id: str) -> AsyncIterator[None]:
    """Read a request in this block: a refusal is counted as an attempt and gets its audit row.

    Raises `TooManyAttempts` in its place.
    """
    try:
        yield
    except Refusal as refusal:
        found = await services().database.call(
            "refuse_attempt",
            _Refused,
            user_id=user_id,
            action=kind.action,
            at_most=services().settings.attempts_per_minute,
            problem=slug_of(refusal),
            refusals=_bodies(by_slug(refusal)),
        )
        if found.wait is not None:
            raise TooManyAttempts(found.wait) from refusal
        raise


def _bodies(refusals: Mapping[str, Refusal], request_id: UUID | None = None) -> dict[str, dict[str, Any]]:
    every = {**refusals, **by_slug(TooManyAttempts(0))}
    return {slug: problem_of(refusal, request_id) for slug, refusal in every.items()}
