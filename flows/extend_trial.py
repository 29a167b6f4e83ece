"""Extend a trial by some days (FEATURES C31)."""

from uuid import UUID

from prefect import flow
from prefect.client.schemas.objects import State

from nodes.changes.run import change
from nodes.changes.step_01_change_request import change_request
from nodes.changes.step_02_find_subscription_to_change import find_subscription_to_change
from nodes.changes.step_03_check_eligibility import check_eligibility
from nodes.changes.step_04d_move_trial_end import move_trial_end
from nodes.changes.step_05_record_change import record_change
from nodes.changes.step_06_change_response import change_response
from nodes.changes.step_07_send_change_confirmation import send_change_confirmation
from nodes.changes.step_08_publish_change_event import publish_change_event


@flow(name="extend-trial", flow_run_name="extend-trial {request_id}", persist_result=False)
async def extend_trial(request_id: UUID) -> State[None]:
    """Carry out one request of `change_requests`, from the step it has reached.

    The response is in the request's row, not in Prefect. Safe to repeat: a run skips the steps that are done.
    """
    async with change(request_id, "trial_extension", "extend-trial") as run:
        request = run.request = await change_request(request_id)
        case = await find_subscription_to_change(request)
        run.found(case)
        accepted = await check_eligibility(case)
        applied = await move_trial_end(accepted)
        changed = await record_change(applied)
        run.response = await change_response(accepted)
        # After the response, which needn't wait for them: step 5 has put both in the outbox.
        await run.together(send_change_confirmation(changed), publish_change_event(changed))
    return run.state()
