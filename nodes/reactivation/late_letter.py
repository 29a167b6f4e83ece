"""The letter to a customer who was told that it goes on, and then it could not be done."""

from uuid import UUID

from email_templates import Letter
from email_templates.reactivation_refused import ReactivationRefused
from nodes.cancellation.letters import Customer, deliver_letter
from nodes.cancellation.outbox import NOT_REACTIVATED
from nodes.cancellation.records import Delivered
from nodes.reactivation.standing import standing_of
from nodes.services import services


async def send_refusal(request_id: UUID, user_id: UUID) -> Delivered:
    """The letter that `finish(write=True)` put in the outbox, if it did."""
    async with services().database.as_user(user_id) as transaction:
        [waits] = await transaction.values("waits_in_outbox", request_id=request_id, kind=NOT_REACTIVATED)
    if not waits:
        return Delivered(NOT_REACTIVATED)
    standing = await standing_of(request_id, user_id)

    def letter(customer: Customer) -> Letter:
        return ReactivationRefused(
            name=customer.name,
            asked_at=standing.received_at,
            why=str((standing.answer or {}).get("detail")),
            new_subscription_url=services().settings.new_subscription_url,
            locale=customer.locale,
            time_zone=customer.time_zone,
            company_name=services().settings.company_name,
            request_id=str(request_id),
        ).letter()

    return await deliver_letter(request_id, user_id, NOT_REACTIVATED, letter)
