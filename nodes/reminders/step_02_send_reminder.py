"""Step 2: send the email that billing resumes, or that a discount ends."""

from email.utils import parseaddr

from email_templates import Draft
from email_templates.billing_resumes import BillingResumes
from email_templates.discount_ends import DiscountEnds
from email_templates.money import money
from nodes.errors import EmailRefused
from nodes.messages.emails import Customer, deliver_email, plan_name
from nodes.messages.outbox import BILLING_RESUMES, DISCOUNT_ENDS
from nodes.messages.records import Delivered
from nodes.node import node, run_log
from nodes.offers.agreed import Preview
from nodes.offers.wording import discount
from nodes.reminders.records import Due
from nodes.rules.ways_to_stay import DiscountTerms
from nodes.services import services


@node("Send Reminder", step="2")
async def send_reminder(due: Due) -> Delivered:
    """Send the email once. It is not retried if it can never be delivered."""
    request_id, user_id = due.reminder.request_id, due.reminder.user_id
    kind = BILLING_RESUMES if due.reminder.kind == "pause" else DISCOUNT_ENDS
    write = _billing_resumes if due.reminder.kind == "pause" else _discount_ends
    database = services().database
    async with database.as_user(user_id) as transaction:
        await transaction.run("put_in_outbox", request_id=request_id, user_id=user_id, kind=kind)
    try:
        await deliver_email(request_id, user_id, kind, lambda customer: write(customer, due))
        run_log().info("the mail server accepted the email %s", kind)
    except EmailRefused as error:
        run_log().warning("the customer can't be emailed: %s", error)
    async with database.as_user(user_id) as transaction:
        await transaction.run("reminded", request_id=request_id)
    return Delivered(kind)


def _billing_resumes(customer: Customer, due: Due) -> Draft:
    settings = services().settings
    return BillingResumes(
        name=customer.name,
        plan=plan_name(due.reminder.plan, customer),
        resumes_at=due.ends_at,
        next_charge=_charge(due.after, customer),
        next_charge_at=due.after.next_charge_at,
        keeps_access=settings.access_while_paused,
        cancel_url=settings.cancel_url,
        locale=customer.locale,
        time_zone=customer.time_zone,
        company_name=settings.company_name,
        request_id=str(due.reminder.request_id),
    )


def _discount_ends(customer: Customer, due: Due) -> Draft:
    settings = services().settings
    return DiscountEnds(
        name=customer.name,
        plan=plan_name(due.reminder.plan, customer),
        offer=_offer(due, customer),
        ends_at=due.ends_at,
        price=_charge(due.now, customer),
        price_again=_charge(due.after, customer),
        price_again_from=due.after.next_charge_at,
        interval=due.interval,
        cancel_url=settings.cancel_url,
        contact=parseaddr(settings.reply_to)[1] if settings.reply_to else None,
        locale=customer.locale,
        time_zone=customer.time_zone,
        company_name=settings.company_name,
        request_id=str(due.reminder.request_id),
    )


def _charge(preview: Preview, customer: Customer) -> str:
    return money(preview.next_charge, preview.currency, customer.locale)


def _offer(due: Due, customer: Customer) -> str:
    """Return the offer as the customer accepted it; its terms, if it is no longer in the catalogue."""
    plan = services().catalog.plan(due.reminder.plan)
    terms = next((each.terms for each in plan.all_offers if each.id == due.reminder.offer_id), None)
    if not isinstance(terms, DiscountTerms):
        agreed = due.reminder.agreed
        terms = DiscountTerms("repeating", percent_off=agreed.get("percent_off"), months=agreed.get("months"))
    return discount(terms, customer.reads)
