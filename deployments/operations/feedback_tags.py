"""`cancelflow replies tag`: what customers missed, as a person reads it in their feedback. Runs as the owner."""

from collections.abc import Iterator
from uuid import UUID

from deployments.operations.requests import connected
from nodes.errors import CancelflowError
from nodes.settings import DatabaseSettings
from sql import QUERIES


class FeedbackUnknown(CancelflowError):
    """No cancellation request or reply has this id: it never existed, or it was deleted with its customer's data."""


class TagUnknown(CancelflowError):
    """The feedback doesn't have this tag."""


def put(settings: DatabaseSettings, about: UUID, tag: str, by: str) -> UUID:
    """Tag the feedback of a cancellation request, or of the one that a reply is about, and return the request's id.

    Once: the first to say it stays. Raises `FeedbackUnknown`.
    """
    with connected(settings) as connection:
        found = connection.execute(QUERIES["tag_feedback"], {"about": about, "tag": tag, "by": by}).fetchone()
    if found is None:
        raise FeedbackUnknown(f"no cancellation request or reply is {about}: `cancelflow replies --all` lists replies")
    return UUID(str(found[0]))


def remove(settings: DatabaseSettings, about: UUID, tag: str) -> UUID:
    """Remove the tag, and return the request's id. Raises `TagUnknown`."""
    with connected(settings) as connection:
        found = connection.execute(QUERIES["untag_feedback"], {"about": about, "tag": tag}).fetchone()
    if found is None:
        raise TagUnknown(f"{about} is not tagged {tag}: `cancelflow replies show` lists a reply's tags")
    return UUID(str(found[0]))


def listed(settings: DatabaseSettings) -> Iterator[str]:
    """Yield a line per tag, the most frequent first."""
    with connected(settings) as connection:
        found = connection.execute(QUERIES["tags_for_operators"]).fetchall()
    yield from (f"{kind}: {tag:40}  customers {customers}" for kind, tag, customers in found)
    if not found:
        yield "nothing is tagged"
