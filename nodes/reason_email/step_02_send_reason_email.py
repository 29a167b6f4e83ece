"""Step 2: send the plain-text email that asks for the reason."""

from email_templates import Draft
from email_templates.reason_email import ReasonEmail
from nodes.errors import EmailRefused
from nodes.messages.emails import Customer, deliver_email, plan_name
from nodes.messages.outbox import ASKED_WHY
from nodes.messages.records import Delivered
from nodes.node import node, run_log
from nodes.reason_email.records import OpenQuestion
from nodes.services import services


@node("Send Reason Email", step="2")
async def send_reason_email(question: OpenQuestion) -> Delivered:
    """Send the email once (FEATURES N04). It is not retried if it can never be delivered."""
    user_id, request_id = question.user_id, question.request_id
    database = services().database
    async with database.as_user(user_id) as transaction:
        await transaction.run("put_in_outbox", request_id=request_id, user_id=user_id, kind=ASKED_WHY)
    try:
        await deliver_email(request_id, user_id, ASKED_WHY, lambda customer: _email(customer, question))
        run_log().info("the mail server accepted the email")
    except EmailRefused as error:
        run_log().warning("the customer can't be emailed: %s", error)
    async with database.as_user(user_id) as transaction:
        await transaction.run("asked_why", request_id=request_id)
    return Delivered(ASKED_WHY)


def _email(customer: Customer, question: OpenQuestion) -> Draft:
    return ReasonEmail(
        name=customer.name,
        plan=plan_name(question.plan, customer),
        feedback_url=services().links.feedback_url_in_path(
            subscription_id=question.subscription_id,
            request_id=str(question.request_id),
            expires_at=question.data_kept_until,
        ),
        locale=customer.locale,
        company_name=services().settings.company_name,
        request_id=str(question.request_id),
    )
