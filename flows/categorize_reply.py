"""Put a customer's reply into one of Stripe's feedback codes (FEATURES N07)."""

from uuid import UUID

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from nodes.replies.step_01_categorize_reply import categorize_reply as categorize
from nodes.runs.fallback import flow_body
from nodes.services import services_of_this_run


@flow(name="categorize-reply", flow_run_name="categorize-reply {reply_id}", persist_result=False)
async def categorize_reply(reply_id: UUID) -> State[None]:
    """Categorize one reply of `replies`.

    Safe to repeat: a reply is categorized once. If the model could not be asked, it is due again later.
    """
    with flow_body():
        async with services_of_this_run():
            reply = await categorize(reply_id)
            if reply is None:
                return Completed(name="NothingToDo", message="the reply has a category, or was deleted")
            if reply.certain:
                return Completed(message="categorized")
            return Completed(name="NeedsPerson", message=f"uncertain: cancelflow replies show {reply_id}")
