"""Act on what a customer said in a call."""

from uuid import UUID

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from nodes.call_results.step_01_read_result import read_result
from nodes.call_results.step_02_check_reversal import check_reversal
from nodes.call_results.step_03_route_result import route_result
from nodes.call_results.step_04_confirm_promises import confirm_promises
from nodes.runs.fallback import flow_body
from nodes.runs.labels import label
from nodes.services import services_of_this_run


@flow(name="route-call-result", flow_run_name="route-call-result {call_id}", persist_result=False)
async def route_call_result(call_id: UUID) -> State[None]:
    """Route the result of one call of `calls`: tasks, the reason, a dispute, and emails.

    Safe to repeat: everything that follows is recorded once.
    """
    with flow_body():
        async with services_of_this_run():
            call = await read_result(call_id)
            if call is None:
                return Completed(name="NothingToRoute", message="the result was routed already")
            await label(f"route-call-result {call_id} {call.subscription_id}", ["cancelflow"])
            await route_result(await check_reversal(call))
            await confirm_promises(call)
            return Completed(message="routed")
