"""Choose a way to talk to a person, or a page that may help: nothing changes in Stripe (FEATURES U11)."""

from uuid import UUID

from prefect import flow
from prefect.client.schemas.objects import State

from nodes.changes.run import change
from nodes.changes.step_01_change_request import change_request
from nodes.changes.step_02_find_subscription_to_change import find_subscription_to_change
from nodes.changes.step_03_check_eligibility import check_eligibility
from nodes.changes.step_06_change_response import change_response


@flow(name="choose-link", flow_run_name="choose-link {request_id}", persist_result=False)
async def choose_link(request_id: UUID) -> State[None]:
    """Record one request of `change_requests` that leads the customer to a page."""
    async with change(request_id, "redirect", "choose-link") as run:
        request = run.request = await change_request(request_id)
        case = await find_subscription_to_change(request)
        run.found(case)
        accepted = await check_eligibility(case)
        run.response = await change_response(accepted)
    return run.state()
