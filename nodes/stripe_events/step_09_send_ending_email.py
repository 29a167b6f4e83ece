"""Step 9: send the email to a customer whose subscription ended without their request, or never started."""

from email_templates import Draft
from email_templates.onboarding_follow_up import OnboardingFollowUp
from email_templates.subscription_ended import SubscriptionEnded
from nodes.messages.emails import Customer, deliver_email, plan_name
from nodes.messages.outbox import ENDED, NEVER_STARTED
from nodes.messages.records import Delivered
from nodes.node import node, run_log
from nodes.services import services
from nodes.stripe_events.records import Ended

UNPAID = ("payment_failed", "payment_disputed")


@node("Send Ending Email", step="9")
async def send_ending_email(ended: Ended) -> Delivered:
    """Send the way to pay and come back, without asking why the customer left (FEATURES N03, N05, N06).

    Open invoices are read at the time of sending, because a stored link may lead to a paid or voided invoice.
    """
    kind = NEVER_STARTED if ended.kind == "never_started" else ENDED
    async with services().database.as_user(ended.user_id) as transaction:
        [waits] = await transaction.values("waits_in_outbox", request_id=ended.id, kind=kind)
    if not waits:
        run_log().info("no email: it was sent before, or the customer asked for the end")
        return Delivered(kind)
    invoice_url = await _invoice_to_pay(ended)

    def email(customer: Customer) -> Draft:
        return _onboarding(customer, ended) if kind == NEVER_STARTED else _over(customer, ended, invoice_url)

    delivered = await deliver_email(ended.id, ended.user_id, kind, email)
    run_log().info("the mail server accepted the email %s", kind)
    return delivered


async def _invoice_to_pay(ended: Ended) -> str | None:
    if ended.kind not in UNPAID:
        return None
    invoices = await services().billing.invoices.open(ended.subscription_id)
    return next((each.payment_url for each in invoices if each.payment_url), None)


def _over(customer: Customer, ended: Ended, invoice_url: str | None) -> Draft:
    settings = services().settings
    return SubscriptionEnded(
        name=customer.name,
        plan=plan_name(ended.plan, customer),
        kind=ended.kind,
        ended_at=ended.ended_at,
        data_kept_until=ended.data_kept_until,
        invoice_url=invoice_url,
        payment_url=settings.payment_url,
        new_subscription_url=settings.new_subscription_url,
        export_url=settings.data_export_url,
        locale=customer.locale,
        time_zone=customer.time_zone,
        company_name=settings.company_name,
        request_id=str(ended.id),
    )


def _onboarding(customer: Customer, ended: Ended) -> Draft:
    settings = services().settings
    return OnboardingFollowUp(
        name=customer.name,
        plan=plan_name(ended.plan, customer),
        new_subscription_url=settings.new_subscription_url,
        locale=customer.locale,
        company_name=settings.company_name,
        request_id=str(ended.id),
    )
