"""When a request is to be taken up again: never, once it is answered and its outbox is empty; or at the next look."""

import asyncio
from uuid import UUID

from nodes.errors import DatabaseUnavailable
from nodes.requests.kind import Kind
from nodes.services import services

# As long as a database takes to restart or to fail over. After that only the caller's own question brings it back.
BACK_WITHIN_SECONDS = 120.0
PAUSE_SECONDS = 1.0


async def leave(kind: Kind, request_id: UUID, user_id: str) -> None:
    """The end of a run: leave the request in peace, if nothing is left to do."""
    async with services().database.as_user(user_id) as transaction:
        await transaction.run(kind.leave, request_id=request_id)


async def leave_unfinished(kind: Kind, request_id: UUID, user_id: str, problem: str) -> None:
    """The end of a run that failed: why, for whoever looks."""
    async with services().database.as_user(user_id) as transaction:
        await transaction.run(kind.failed_try, request_id=request_id, problem=problem)


async def try_with_another_key(kind: Kind, request_id: UUID, user_id: str) -> None:
    """Stripe answered the last try, and would answer the same under the same idempotency key."""
    async with services().database.as_user(user_id) as transaction:
        await transaction.run(kind.next_try, request_id=request_id)


async def reopen_once_back(kind: Kind, request_id: UUID, user_id: str) -> None:
    """The database went away while a failure was recorded: if it was, take that back. Raises `DatabaseUnavailable`."""
    async with asyncio.timeout(BACK_WITHIN_SECONDS):
        while True:
            try:
                async with services().database.as_user(user_id) as transaction:
                    await transaction.run(kind.reopen, request_id=request_id, asked_for=True)
            except DatabaseUnavailable:
                await asyncio.sleep(PAUSE_SECONDS)
            else:
                return
