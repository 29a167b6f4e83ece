"""Call a customer who cancelled and agreed to be called."""

from uuid import UUID

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from nodes.calls.step_01_check_gates import check_gates
from nodes.calls.step_02_place_call import place_call
from nodes.runs.fallback import flow_body
from nodes.runs.labels import label
from nodes.services import services_of_this_run


@flow(name="call-customer", flow_run_name="call-customer {call_id}", persist_result=False)
async def call_customer(call_id: UUID) -> State[None]:
    """Hand one call of `calls` to the vendor, if every gate is open.

    Safe to repeat: the vendor gets the same id at each attempt. A call that waits or failed is due again later.
    """
    with flow_body():
        async with services_of_this_run():
            call = await check_gates(call_id)
            if call is None:
                return Completed(name="NotCalled", message="a gate is closed, or the call is decided already")
            await label(f"call-customer {call_id} {call.subscription_id}", ["cancelflow"])
            if await place_call(call):
                return Completed(message="placed")
            return Completed(name="NotCalled", message="a gate is closed, or the vendor didn't accept the call")
