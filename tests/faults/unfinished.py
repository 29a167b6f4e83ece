"""Unfinished requests, inserted like those of a killed process, with no caller waiting."""

from typing import Any
from uuid import UUID

from tests.waiting import eventually
from tests.world import Person, Row, World

FAR = "now() + interval '1 day'"


def unfinished_request(
    world: World, person: Person, *, due: bool = False, accept: bool = False, **columns: Any
) -> UUID:
    """Insert an unfinished request of this person with a reason: `due` now, or not until `expire_lease`."""
    given = {"tries": 1, "runs": 1, "reason": "unused", **columns}
    names = ", ".join(["", *given])
    places = ", %s" * len(given)
    made = world.row(
        f"""INSERT INTO cancellation_requests (user_id, asked_user_id, accept_offer, resume_at{names})
        VALUES (%s, %s, %s, {"now()" if due else FAR}{places}) RETURNING id""",
        person.user_id,
        person.user_id,
        accept,
        *given.values(),
    )
    identifier: UUID = made["id"]
    return identifier


def expire_lease(world: World, request_id: UUID) -> None:
    """Let its lease expire."""
    world.admin.execute("UPDATE cancellation_requests SET resume_at = now() WHERE id = %s", [request_id])


def request_row(world: World, request_id: UUID) -> Row:
    """Return the whole row."""
    return world.row("SELECT * FROM cancellation_requests WHERE id = %s", request_id)


def when_done(world: World, request_id: UUID) -> Row:
    """Return the row when no work is left for it."""

    def at_rest() -> Row | None:
        row = request_row(world, request_id)
        return row if row["resume_at"] is None else None

    row = eventually(at_rest)
    assert row is not None
    return row
