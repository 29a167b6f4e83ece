"""Remind a customer some days before billing resumes after a pause, or before a long discount ends (FEATURES G02)."""

from uuid import UUID

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from nodes.reminders.step_01_see_whether_to_remind import see_whether_to_remind
from nodes.reminders.step_02_send_reminder import send_reminder
from nodes.runs.fallback import flow_body
from nodes.runs.labels import label
from nodes.services import services_of_this_run


@flow(name="remind-of-change", flow_run_name="remind-of-change {request_id}", persist_result=False)
async def remind_of_change(request_id: UUID) -> State[None]:
    """Email the customer of one change or retention offer, if what it announces is still to come.

    Safe to repeat: the email is sent once. If it could not be sent, it is due again ten minutes later.
    """
    with flow_body():
        async with services_of_this_run():
            due = await see_whether_to_remind(request_id)
            if due is None:
                return Completed(name="NothingToAnnounce", message="the pause or discount is over or was changed")
            name = f"remind-of-change {request_id} {due.reminder.subscription_id}"
            await label(name, ["cancelflow", f"plan:{due.reminder.plan}"])
            await send_reminder(due)
            return Completed(message="reminded")
