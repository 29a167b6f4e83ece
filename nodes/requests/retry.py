"""Retries of a request: none once it has a response and its outbox is empty."""

import asyncio
from uuid import UUID

from nodes.errors import DatabaseUnavailable
from nodes.requests.kind import Kind
from nodes.services import services

# The time in which a database restarts or fails over. After it, the request is only resumed if its caller retries.
BACK_WITHIN_SECONDS = 120.0
PAUSE_SECONDS = 1.0


async def leave(kind: Kind, request_id: UUID, user_id: str) -> None:
    """End a run: stop retrying the request if nothing is left to do."""
    async with services().database.as_user(user_id) as transaction:
        await transaction.run(f"leave_{kind.name}", request_id=request_id)


async def leave_unfinished(kind: Kind, request_id: UUID, user_id: str, problem: str) -> None:
    """End a run that failed: record why."""
    async with services().database.as_user(user_id) as transaction:
        await transaction.run(f"failed_try_of_{kind.name}", request_id=request_id, problem=problem)


async def try_with_another_key(kind: Kind, request_id: UUID, user_id: str) -> None:
    """Use a new idempotency key from now on, because Stripe would replay its last response to the same key."""
    async with services().database.as_user(user_id) as transaction:
        await transaction.run(f"next_try_of_{kind.name}", request_id=request_id)


async def reopen_once_back(kind: Kind, request_id: UUID, user_id: str) -> None:
    """Undo a recorded failure once the database, lost while recording it, is back.

    Raises `DatabaseUnavailable` if it does not come back in time.
    """
    deadline = asyncio.get_running_loop().time() + BACK_WITHIN_SECONDS
    while True:
        try:
            async with services().database.as_user(user_id) as transaction:
                await transaction.run(f"reopen_{kind.name}", request_id=request_id, asked_for=True)
        except DatabaseUnavailable:
            if asyncio.get_running_loop().time() > deadline:
                raise
            await asyncio.sleep(PAUSE_SECONDS)
        else:
            return
