"""The feedback form behind the email's link: a reason and free text, submitted once (FEATURES W15)."""

from dataclasses import dataclass
from uuid import UUID

from nodes.refusals.links import FeedbackAlreadyGiven, LinkExpired
from nodes.rules.reasons import MAX_FEEDBACK_CHARACTERS, PREFER_NOT_TO_SAY
from nodes.services import services

# Characters between the text given when cancelling and the text added here.
GAP = 2


@dataclass(frozen=True)
class _Asked:
    category: str
    written: int
    answered: bool


@dataclass(frozen=True)
class Question:
    """The fields of the form: a reason if none was given, and text of up to `room` characters."""

    ask_reason: bool
    room: int


async def question(request_id: UUID, user_id: str) -> Question:
    """Return the form's fields. Raises `FeedbackAlreadyGiven`, and `LinkExpired` once the reason is deleted."""
    async with services().database.as_user(user_id) as transaction:
        asked = await transaction.one("feedback_question", _Asked, request_id=request_id)
    if asked is None:
        raise LinkExpired
    if asked.answered:
        raise FeedbackAlreadyGiven
    room = MAX_FEEDBACK_CHARACTERS - (asked.written + GAP if asked.written else 0)
    return Question(asked.category == PREFER_NOT_TO_SAY, max(room, 0))


async def save_feedback(request_id: UUID, user_id: str, *, reason: str | None, feedback: str | None) -> None:
    """Save the feedback in the row of the cancellation's reason, which anonymisation covers.

    A reason given when cancelling stays, and the text is appended. Raises `FeedbackAlreadyGiven` the second time.
    """
    async with services().database.as_user(user_id) as transaction:
        taken = await transaction.run("save_feedback", request_id=request_id, category=reason, feedback=feedback)
    if not taken:
        raise FeedbackAlreadyGiven
