"""The page behind the email's feedback link: a reason and free text, once (FEATURES W15)."""

from dataclasses import dataclass
from uuid import UUID

from nodes.errors import FeedbackAlreadyGiven, LinkExpired
from nodes.rules.reasons import MAX_FEEDBACK_CHARACTERS, PREFER_NOT_TO_SAY
from nodes.services import services

# Between what was written when cancelling and what is added here.
GAP = 2


@dataclass(frozen=True)
class _Asked:
    category: str
    written: int
    answered: bool


@dataclass(frozen=True)
class Question:
    """What is still open: a reason, where none was given, and so many characters."""

    ask_reason: bool
    room: int


async def question(request_id: UUID, user_id: str) -> Question:
    """Return what the page asks. Raises `FeedbackAlreadyGiven`, and `LinkExpired` once nothing is left to add to."""
    async with services().database.as_user(user_id) as transaction:
        asked = await transaction.one("feedback_question", _Asked, request_id=request_id)
    if asked is None:
        raise LinkExpired
    if asked.answered:
        raise FeedbackAlreadyGiven
    room = MAX_FEEDBACK_CHARACTERS - (asked.written + GAP if asked.written else 0)
    return Question(asked.category == PREFER_NOT_TO_SAY, max(room, 0))


async def save_feedback(request_id: UUID, user_id: str, *, reason: str | None, feedback: str | None) -> None:
    """Keep the answer beside what was said when cancelling, in the one row that anonymisation reaches.

    A reason that was given then stays; the text is added to it. Raises `FeedbackAlreadyGiven` the second time.
    """
    async with services().database.as_user(user_id) as transaction:
        taken = await transaction.run("save_feedback", request_id=request_id, category=reason, feedback=feedback)
    if not taken:
        raise FeedbackAlreadyGiven
