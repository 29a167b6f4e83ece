"""Customers who cancelled, their replies as mail programs send them, and what became of those."""

import asyncio
from collections.abc import Awaitable, Callable
from email.message import EmailMessage
from email.utils import make_msgid, parseaddr
from typing import Any, TypeVar

from nodes.node import without_prefect
from nodes.replies.receive import receive
from nodes.services import open_services, using
from nodes.settings import ServiceSettings, load
from tests.waiting import eventually
from tests.world import Person, Row, World

Result = TypeVar("Result")


def left(world: World, **asked: Any) -> Person:
    """Create a customer who cancelled, without a reason unless one is given."""
    person = world.person("professional")
    assert world.cancel(person, **{"reason": "prefer_not_to_say", **asked}).status_code == 200
    return person


def reply_address(world: World, person: Person) -> str:
    """Return where the customer's mail program sends a reply to the confirmation."""
    [confirmation] = [each for each in world.emails(person) if "cancel" in each["subject"].lower()]
    return parseaddr(confirmation["reply_to"])[1]


def reply(to: str, text: str = "It is far too expensive for what I get.", **headers: str) -> bytes:
    """Return an email to this address."""
    made = EmailMessage()
    own = {"From": "jo@example.com", "To": to, "Subject": "Re: Cancellation", "Message-ID": make_msgid(domain="x.test")}
    for name, value in (own | {name.replace("_", "-"): value for name, value in headers.items()}).items():
        made[name] = value
    made.set_content(f"{text}\n\nOn Thu, 26 Nov 2026 at 12:00, Support wrote:\n> Your plan is cancelled\n")
    return bytes(made)


def here(work: Callable[[], Awaitable[Result]], **settings: Any) -> Result:
    """Do it in this process, with services of its own and changed settings."""

    async def scenario() -> Result:
        async with open_services(load(ServiceSettings).model_copy(update=settings)) as available:
            with using(available), without_prefect():
                return await work()

    return asyncio.run(scenario())


def arrives(*emails: bytes) -> list[bool]:
    """Let the emails arrive concurrently; return which of them were new."""

    async def work() -> list[bool]:
        return list(await asyncio.gather(*map(receive, emails)))

    return here(work)


def replies(world: World, person: Person) -> list[Row]:
    return world.rows("SELECT * FROM replies WHERE user_id = %s ORDER BY received_at, id", person.user_id)


def waiting_reply(world: World, person: Person, text: str) -> Row:
    """Create a reply that the trigger leaves alone."""
    return world.row(
        "INSERT INTO replies (request_id, user_id, fingerprint, kind, text, categorize_at)"
        " SELECT id, user_id, '', 'reply', %s, now() + interval '1 day' FROM cancellation_requests"
        " WHERE user_id = %s RETURNING *",
        text,
        person.user_id,
    )


def categorized(world: World, person: Person) -> list[Row]:
    """Return the customer's replies, once the trigger has categorized each."""

    def found() -> list[Row] | None:
        rows = replies(world, person)
        return rows if all(row["categorize_at"] is None for row in rows) else None

    rows = eventually(found)
    assert rows is not None
    return rows


def reason(world: World, person: Person) -> Row:
    return world.row("SELECT * FROM cancellation_reasons WHERE user_id = %s", person.user_id)
