"""Step 1: ask the model for the category, and record it: as the cancellation's reason, or as a task for a person."""

from dataclasses import dataclass
from uuid import UUID

from nodes.node import node, run_log
from nodes.replies.records import CategorizedReply
from nodes.services import services
from nodes.tasks.put import put_task


@dataclass(frozen=True, repr=False)
class _Reply:
    text: str
    name: str | None


@dataclass(frozen=True)
class _Recorded:
    request_id: UUID
    certain: bool


@node("Categorize Reply", step="1")
async def categorize_reply(reply_id: UUID) -> CategorizedReply | None:
    """Categorize the reply once (FEATURES N07); None if that was done, or the reply was deleted.

    The text is read here and goes nowhere but to the model. Raises `CategoryFailed`; the reply is due again later.
    """
    database, model, minimum = services().database, services().categorizer, services().settings.reply_min_confidence
    owner = await database.owner_of_reply(reply_id)
    if owner is None:
        run_log().info("the reply has been deleted")
        return None
    async with database.as_user(owner) as transaction:
        reply = await transaction.one("reply_to_categorize", _Reply, reply_id=reply_id)
    if reply is None:
        return None
    found = await model.categorize(reply.text, names=(reply.name,) if reply.name else ())
    async with database.as_user(owner) as transaction:
        recorded = await transaction.one(
            "categorized",
            _Recorded,
            reply_id=reply_id,
            category=found.category if found else None,
            confidence=found.confidence if found else None,
            model=model.name,
            min_confidence=minimum,
        )
        if recorded is None:
            return None
        await transaction.run("reason_from_reply", reply_id=reply_id, min_confidence=minimum)
        if not recorded.certain:
            about = recorded.request_id
            await put_task(transaction, user_id=owner, kind="uncertain_reply", key=str(reply_id), request_id=about)
    run_log().info("categorized" if recorded.certain else "a person has to decide: `cancelflow replies` lists it")
    return CategorizedReply(reply_id, recorded.certain)
