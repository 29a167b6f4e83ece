"""WF-023, subscription cancellation: one line per node, branching only where the specification does."""

from uuid import UUID

from prefect import flow
from prefect.client.schemas.objects import State

from nodes.cancellation.by_hand import leave_to_person
from nodes.cancellation.late_emails import send_discount
from nodes.cancellation.run import attempt
from nodes.cancellation.step_01_cancellation_request import cancellation_request
from nodes.cancellation.step_02_get_active_subscription import get_active_subscription
from nodes.cancellation.step_03_generate_retention_offer import generate_retention_offer
from nodes.cancellation.step_04_user_accepts_offer import user_accepts_offer
from nodes.cancellation.step_05a_apply_retention_discount import apply_retention_discount
from nodes.cancellation.step_05b_capture_cancellation_reason import capture_cancellation_reason
from nodes.cancellation.step_06a_retention_success_response import retention_success_response
from nodes.cancellation.step_06b_schedule_stripe_cancellation import schedule_stripe_cancellation
from nodes.cancellation.step_07b_mark_subscription_as_pending_cancellation import (
    mark_subscription_as_pending_cancellation,
)
from nodes.cancellation.step_08b_send_cancellation_confirmation import send_cancellation_confirmation
from nodes.cancellation.step_09b_schedule_data_preservation import schedule_data_preservation
from nodes.cancellation.step_10b_publish_cancellation_event import publish_cancellation_event
from nodes.cancellation.step_11b_success_response import success_response
from nodes.cancellation.verification import verify_discount, verify_pending


@flow(name="cancel-subscription", flow_run_name="cancel-subscription {request_id}", persist_result=False)
async def cancel_subscription(request_id: UUID) -> State[None]:
    """Carry out one request of `cancellation_requests`, from the step it has reached.

    The response is in the request's row, not in Prefect. Safe to repeat: a run skips the steps that are done.
    """
    async with attempt(request_id) as run:
        run.phase("Initialization")
        request = run.request = await cancellation_request(request_id)
        case = await get_active_subscription(request)
        run.found(case.subscription)

        run.phase("Processing")
        offer = await generate_retention_offer(case)
        decision = await user_accepts_offer(offer)
        if decision.accepted:
            applied = await apply_retention_discount(decision)
            run.phase("Verification")
            verify_discount(applied)
            run.phase("Finalization")
            run.response = await retention_success_response(applied)
            await run.together(send_discount(applied))
        else:
            reason = await capture_cancellation_reason(decision)
            leave_to_person(reason)
            scheduled = await schedule_stripe_cancellation(reason)
            pending = await mark_subscription_as_pending_cancellation(scheduled)
            run.phase("Verification")
            verify_pending(scheduled, pending)
            run.phase("Finalization")
            preserved = await schedule_data_preservation(pending)
            run.response = await success_response(pending, preserved)
            # After the response, which needn't wait for them: step 7B has put both in the outbox.
            await run.together(send_cancellation_confirmation(pending), publish_cancellation_event(pending))
    return run.state()
