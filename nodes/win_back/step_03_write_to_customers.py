"""Step 3: write to each customer once, or record why not."""

from nodes.errors import EmailRefused, MailFailed
from nodes.node import node, run_log
from nodes.rules.win_back import Outcome
from nodes.runs.each import for_each
from nodes.services import services
from nodes.win_back.gates import refusal
from nodes.win_back.message import Message, message_to
from nodes.win_back.records import Checked, Decision, Outcomes, Tagged


@node("Write to Customers", step="3")
async def write_to_customers(checked: Checked) -> Outcomes:
    """Send the emails; a dry run only counts them. A process that dies after sending sends one again, with the same
    Message-ID.
    """
    if checked.dry_run:
        return Outcomes([each.why_not or "written" for each in checked.decisions], checked.failed)
    settled, failed = await for_each(checked.decisions, _settle, user_of=lambda each: each.customer.user_id)
    decided = [outcome for outcome in settled if outcome]
    run_log().info("%s emails, %s to be sent again", decided.count("written"), len(failed))
    return Outcomes(decided, checked.failed | failed)


async def _settle(decision: Decision) -> Outcome | None:
    """Return what was decided now; None if another run does it. Raises `MailFailed`: the next run sends the email."""
    customer, message = decision.customer, None
    async with services().database.as_user(customer.user_id) as transaction:
        if not await transaction.values("claim_win_back", id=customer.id):
            return None
        # Read again right before sending: a customer may have revoked their consent since.
        outcome = decision.why_not or await refusal(transaction, customer)
        if outcome:
            await transaction.run("decide_win_back", id=customer.id, outcome=outcome)
        else:
            message = await message_to(transaction, customer)
    return await _send(message, customer) if message else outcome


async def _send(message: Message, customer: Tagged) -> Outcome:
    """Send the email once, and record whether the mail server accepted it."""
    outcome: Outcome = "written"
    try:
        await services().mail.send(**vars(message))
    except EmailRefused as error:
        outcome = "undeliverable"
        run_log().warning("user %s can't be emailed: %s", customer.user_id, error)
    except MailFailed:
        async with services().database.as_user(customer.user_id) as transaction:
            await transaction.run("release_win_back", id=customer.id)
        raise
    async with services().database.as_user(customer.user_id) as transaction:
        await transaction.run("decide_win_back", id=customer.id, outcome=outcome)
    return outcome
