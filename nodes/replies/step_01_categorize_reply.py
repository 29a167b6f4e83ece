"""Step 1: ask the model for the category, record it, and make it the cancellation's reason if that has none."""

from dataclasses import dataclass
from uuid import UUID

from nodes.node import node, run_log
from nodes.replies.records import CategorizedReply
from nodes.services import services


@dataclass(frozen=True, repr=False)
class _Reply:
    text: str
    name: str | None


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
        await transaction.run(
            "categorized",
            reply_id=reply_id,
            category=found.category if found else None,
            confidence=found.confidence if found else None,
            model=model.name,
        )
        await transaction.run("reason_from_reply", reply_id=reply_id, min_confidence=minimum)
    certain = found is not None and found.is_certain(minimum)
    run_log().info("categorized" if certain else "a person has to decide: `cancelflow replies` lists it")
    return CategorizedReply(reply_id, certain)
