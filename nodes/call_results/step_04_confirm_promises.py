"""Step 4: confirm by email what was promised, with consent to emails at that time."""

from dataclasses import dataclass

from email_templates import Draft
from email_templates.promise_confirmation import PromiseConfirmation
from nodes.call_results.records import HeardCall
from nodes.calls.close import audit
from nodes.clients.database.client import Transaction
from nodes.consents.ledger import standing_consent
from nodes.errors import EmailRefused
from nodes.messages.emails import Customer, deliver_email
from nodes.messages.outbox import PROMISED, withdraw
from nodes.node import node, run_log
from nodes.services import services


@dataclass(frozen=True)
class _Promised:
    """The promises of a result. `emailed`: some were confirmed; `more_since`: others have followed."""

    promises: list[str]
    emailed: bool
    more_since: bool


@node("Confirm Promises", step="4")
async def confirm_promises(call: HeardCall) -> None:
    """Email the customer once, whose result then is routed (FEATURES A15).

    If the email may not or can't be sent, or was sent before a later result, the tasks are all that follows from the
    promises, and the reason is recorded.
    """
    promises = await _to_confirm(call)
    if promises:
        try:
            await deliver_email(call.request_id, call.user_id, PROMISED, lambda each: _email(each, call, promises))
            run_log().info("the mail server accepted the email")
        except EmailRefused as error:
            await withdraw(call.request_id, call.user_id, PROMISED)
            async with services().database.as_user(call.user_id) as transaction:
                await _not_confirmed(transaction, call, error.problem)
    async with services().database.as_user(call.user_id) as transaction:
        await transaction.run("call_routed", call_id=call.id, received_at=call.received_at)


async def _to_confirm(call: HeardCall) -> tuple[str, ...]:
    """Return what was promised, with the email in the outbox; nothing without consent, or after an earlier email.

    A revocation waits for this transaction, or was recorded before it: none is overlooked.
    """
    async with services().database.as_user(call.user_id) as transaction:
        await transaction.run("one_intake_at_a_time", user_id=call.user_id)
        found = await transaction.one("promises_of_call", _Promised, call_id=call.id, received_at=call.received_at)
        if found is None or not found.promises:
            return ()
        if found.emailed:
            if found.more_since:
                await _not_confirmed(transaction, call, "emailed_before")
            return ()
        if not await standing_consent(transaction, call.user_id, "email_marketing"):
            await transaction.run("withdraw_from_outbox", request_id=call.request_id, kind=PROMISED)
            await _not_confirmed(transaction, call, "no_consent")
            return ()
        await transaction.run("put_in_outbox", request_id=call.request_id, user_id=call.user_id, kind=PROMISED)
    return tuple(found.promises)


async def _not_confirmed(transaction: Transaction, call: HeardCall, problem: str) -> None:
    if await transaction.run("promises_not_confirmed", call_id=call.id, problem=problem):
        await audit(transaction, call, "not_emailed", problem)
    run_log().info("%s: what was promised isn't confirmed by email", problem)


def _email(customer: Customer, call: HeardCall, promises: tuple[str, ...]) -> Draft:
    return PromiseConfirmation(
        name=customer.name,
        promises=promises,
        locale=customer.locale,
        company_name=services().settings.company_name,
        request_id=str(call.request_id),
    )
