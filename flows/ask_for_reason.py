"""One open question, some time after a cancellation that was made elsewhere and came without a reason."""

from uuid import UUID

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from nodes.reason_email.step_01_see_whether_to_ask import see_whether_to_ask
from nodes.reason_email.step_02_send_reason_email import send_reason_email
from nodes.runs.fallback import flow_body
from nodes.runs.labels import label
from nodes.services import services_of_this_run


@flow(name="ask-for-reason", flow_run_name="ask-for-reason {request_id}", persist_result=False)
async def ask_for_reason(request_id: UUID) -> State[None]:
    """Write to the customer of one request of `cancellation_requests`, if there is still something to ask.

    Safe to repeat: the email goes once. One that could not be sent is due again ten minutes later.
    """
    with flow_body():
        async with services_of_this_run():
            question = await see_whether_to_ask(request_id)
            if question is None:
                return Completed(name="NothingToAsk", message="a reason came, or the cancellation does not stand")
            name = f"ask-for-reason {request_id} {question.subscription_id}"
            await label(name, ["cancelflow", f"plan:{question.plan}"])
            await send_reason_email(question)
            return Completed(message="asked")
