"""Ask for the reason, some time after a cancellation that was made in Stripe without one."""

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
    """Email the customer of one request of `cancellation_requests`, if there is still no reason.

    Safe to repeat: the email is sent once. If it could not be sent, it is due again ten minutes later.
    """
    with flow_body():
        async with services_of_this_run():
            question = await see_whether_to_ask(request_id)
            if question is None:
                return Completed(name="NothingToAsk", message="there is a reason, or the cancellation was revoked")
            name = f"ask-for-reason {request_id} {question.subscription_id}"
            await label(name, ["cancelflow", f"plan:{question.plan}"])
            await send_reason_email(question)
            return Completed(message="asked")
