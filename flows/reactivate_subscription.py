"""Reactivation: revoke a cancellation before it takes effect (FEATURES W49, F15)."""

from uuid import UUID

from prefect import flow
from prefect.client.schemas.objects import State

from nodes.reactivation.by_hand import leave_to_person
from nodes.reactivation.records import Active
from nodes.reactivation.run import reactivation
from nodes.reactivation.step_01_reactivation_request import reactivation_request
from nodes.reactivation.step_02_find_pending_subscription import find_pending_subscription
from nodes.reactivation.step_03_clear_cancellation import clear_cancellation
from nodes.reactivation.step_04_mark_subscription_as_active import mark_subscription_as_active
from nodes.reactivation.step_05_reactivation_response import reactivation_response
from nodes.reactivation.step_06_send_reactivation_confirmation import send_reactivation_confirmation
from nodes.reactivation.step_07_publish_reactivation_event import publish_reactivation_event


@flow(name="reactivate-subscription", flow_run_name="reactivate-subscription {request_id}", persist_result=False)
async def reactivate_subscription(request_id: UUID) -> State[None]:
    """Carry out one request of `reactivation_requests`, from the step it has reached.

    The response is in the request's row, not in Prefect. Safe to repeat: a run skips the steps that are done.
    """
    async with reactivation(request_id) as run:
        request = run.request = await reactivation_request(request_id)
        case = await find_pending_subscription(request)
        run.found(case)
        if case.active_already:
            billed = case.subscription.billed
            run.response = await reactivation_response(Active(case, billed.status, billed.current_period_end))
        else:
            leave_to_person(case)
            cleared = await clear_cancellation(case)
            active = await mark_subscription_as_active(cleared)
            run.response = await reactivation_response(active)
            # After the response, which needn't wait for them: step 4 has put both in the outbox.
            await run.together(send_reactivation_confirmation(active), publish_reactivation_event(active))
    return run.state()
