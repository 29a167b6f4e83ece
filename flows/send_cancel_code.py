"""Send the code with which a customer cancels without a login (FEATURES F21)."""

from uuid import UUID

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from nodes.cancel_codes.step_01_send_code import send_code
from nodes.runs.fallback import flow_body
from nodes.services import services_of_this_run


@flow(name="send-cancel-code", flow_run_name="send-cancel-code {code_id}", persist_result=False)
async def send_cancel_code(code_id: UUID) -> State[None]:
    """Email one code of `cancel_codes` to its customer.

    Safe to repeat: the email is sent once. If it could not be sent, it is due again half a minute later, while the code
    is valid.
    """
    with flow_body():
        async with services_of_this_run():
            sent = await send_code(code_id)
            return Completed(message="sent" if sent else "the code was deleted")
