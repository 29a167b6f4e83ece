"""Step 1: send the email with the code, to the address in the user's row and never to the one that was typed."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from email_templates import Draft
from email_templates.cancel_code import CancelCode
from nodes.cancel_codes.derivation import code_of, readable
from nodes.errors import EmailRefused
from nodes.messages.emails import Customer, deliver_email
from nodes.messages.outbox import CODE, withdraw
from nodes.messages.records import Delivered
from nodes.node import node, run_log
from nodes.services import services


@dataclass(frozen=True)
class _ToSend:
    seed: UUID
    user_id: str
    expires_at: datetime


@node("Send Code", step="1")
async def send_code(code_id: UUID) -> Delivered | None:
    """Send the email once. It is not retried if it can never be delivered; None if the code was deleted."""
    found = await services().database.call_all("code_to_send", _ToSend, code_id=code_id)
    if not found:
        return None
    [code] = found
    try:
        await deliver_email(code_id, code.user_id, CODE, lambda customer: _email(customer, code_id, code))
        run_log().info("the mail server accepted the email")
    except EmailRefused as error:
        await withdraw(code_id, code.user_id, CODE)  # there is nothing for an operator to do: the code expires
        run_log().warning("the customer can't be emailed: %s", error)
    async with services().database.without_user() as transaction:
        await transaction.run("code_sent", code_id=code_id)
    return Delivered(CODE)


def _email(customer: Customer, code_id: UUID, code: _ToSend) -> Draft:
    return CancelCode(
        name=customer.name,
        code=readable(code_of(code.seed)),
        expires_at=code.expires_at,
        locale=customer.locale,
        time_zone=customer.time_zone,
        company_name=services().settings.company_name,
        request_id=str(code_id),
    )
