"""Step 6: send the email that confirms the reactivation."""

from email_templates import Draft
from email_templates.reactivation_confirmation import ReactivationConfirmation
from nodes.messages.emails import Customer, deliver_email, plan_name
from nodes.messages.outbox import REACTIVATED, withdraw
from nodes.messages.records import Delivered
from nodes.node import node, run_log
from nodes.reactivation.records import Active
from nodes.rules.statuses import is_live
from nodes.services import services

UNPAID = ("past_due", "unpaid")


@node("Send Reactivation Confirmation", step="6")
async def send_reactivation_confirmation(active: Active) -> Delivered:
    """Send the email once (FEATURES W49), unless the subscription was cancelled again before it was sent."""
    request, subscription = active.case.request, active.case.subscription
    billed = subscription.billed
    if request.reached("finished") and (billed.pending or not is_live(billed.status)):
        await withdraw(request.id, request.user_id, REACTIVATED)
        run_log().info("no email: the subscription was cancelled again in the meantime")
        return Delivered(REACTIVATED)
    open_invoices = await services().billing.invoices.open(subscription.id) if active.status in UNPAID else []
    invoice_url = next((each.payment_url for each in open_invoices), None)

    def email(customer: Customer) -> Draft:
        return ReactivationConfirmation(
            name=customer.name,
            plan=plan_name(subscription.plan, customer),
            renews_at=active.renews_at,
            reported_failed=request.reported_failed,
            unpaid=active.status in UNPAID,
            payment_url=invoice_url or services().settings.payment_url,
            locale=customer.locale,
            time_zone=customer.time_zone,
            company_name=services().settings.company_name,
            request_id=str(request.id),
        )

    delivered = await deliver_email(request.id, request.user_id, REACTIVATED, email)
    run_log().info("the mail server accepted the confirmation")
    return delivered
