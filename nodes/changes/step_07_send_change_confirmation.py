"""Step 7: send the email that confirms what changed, every charge and its date."""

from typing import Any, Literal, cast

from email_templates import Draft
from email_templates.change_confirmation import ChangeConfirmation
from email_templates.money import money
from nodes.changes.records import Changed
from nodes.messages.emails import Customer, deliver_email, opening, plan_name
from nodes.messages.outbox import CHANGED
from nodes.messages.records import Delivered
from nodes.node import node, run_log
from nodes.offers.agreed import Agreed
from nodes.offers.wording import discount
from nodes.rules.ways_to_stay import DiscountTerms
from nodes.services import services


@node("Send Change Confirmation", step="7")
async def send_change_confirmation(changed: Changed) -> Delivered:
    """Send the email once."""
    request = changed.accepted.case.request
    delivered = await deliver_email(request.id, request.user_id, CHANGED, lambda to: _email(to, changed))
    run_log().info("the mail server accepted the confirmation")
    return delivered


def _email(customer: Customer, changed: Changed) -> Draft:
    case, agreed, settings = changed.accepted.case, changed.accepted.agreed, services().settings
    now = agreed.starts_at == agreed.at
    return ChangeConfirmation(
        kind=cast("Literal['discount', 'pause', 'resume', 'plan_change', 'trial_extension']", case.request.kind),
        plan=plan_name(case.subscription.plan, customer),
        new_plan=plan_name(agreed.new_plan or "unknown", customer),
        offer=_offer(changed, customer),
        starts_at=None if now else agreed.starts_at,
        resumes_at=agreed.resumes_at,
        keeps_access=settings.access_while_paused,
        trial_ends_at=agreed.trial_ends_at,
        resume_url=_resume_url(changed),
        cancel_url=settings.cancel_url,
        reported_failed=case.request.reported_failed,
        **_charges(agreed, customer),
        **opening(customer, case.request.id, case.request.received_at),
    )


def _charges(agreed: Agreed, customer: Customer) -> dict[str, Any]:
    preview = agreed.preview

    def paid(amount: int | None) -> str | None:
        return money(amount, preview.currency, customer.locale) if preview and amount is not None else None

    return {
        "charged_now": paid(preview.charged_now) if preview and preview.charged_now > 0 else None,
        "credited_now": paid(-preview.charged_now) if preview and preview.charged_now < 0 else None,
        "next_charge": paid(preview.next_charge) if preview else None,
        "next_charge_at": preview.next_charge_at if preview else None,
        "price_again": paid(preview.price_again) if preview else None,
        "price_again_from": preview.price_again_at if preview else None,
    }


def _offer(changed: Changed, customer: Customer) -> str | None:
    case = changed.accepted.case
    offers = services().catalog.plan(case.subscription.plan).all_offers
    terms = next((each.terms for each in offers if each.id == case.request.offer_id), None)
    if not isinstance(terms, DiscountTerms):
        return None
    return discount(terms, customer.reads)


def _resume_url(changed: Changed) -> str | None:
    case, resumes_at = changed.accepted.case, changed.accepted.agreed.resumes_at
    if resumes_at is None:
        return None
    of_this = {"subscription_id": case.subscription.id, "request_id": str(case.request.id)}
    return services().links.url("resume", **of_this, expires_at=resumes_at)
