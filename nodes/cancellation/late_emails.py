"""Emails outside the numbered steps, which correct what the API told the customer about a cancellation."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from email_templates import Draft
from email_templates.cancellation_delayed import CancellationDelayed
from email_templates.discount_confirmation import DiscountConfirmation
from email_templates.request_refused import RequestRefused
from nodes.cancellation.records import AppliedDiscount, CancellationRequest
from nodes.messages.emails import Customer, deliver_email, opening, plan_name
from nodes.messages.outbox import DELAYED, DISCOUNT, REFUSED
from nodes.messages.records import Delivered
from nodes.messages.refusals import refusal_text
from nodes.offers.wording import discount
from nodes.problems import slug_of
from nodes.refusals.base import Refusal
from nodes.refusals.cancellation import CancellationTakenBack, NoActiveSubscription, SubscriptionAlreadyPending
from nodes.requests.finish import finish
from nodes.requests.kind import CANCELLATION
from nodes.requests.records import Response
from nodes.services import services


@dataclass(frozen=True)
class _Asked:
    received_at: datetime
    accept_offer: bool
    response: dict[str, Any] | None
    refusal_to_send: bool


async def finish_refused(request: CancellationRequest, refusal: Refusal, response: Response, *, told: bool) -> None:
    """Record the refusal. A caller without a direct response gets an email, unless they already have what they wanted.

    `told`: whether the caller gets the response directly.
    """
    as_wanted = SubscriptionAlreadyPending | NoActiveSubscription | CancellationTakenBack
    has_it = isinstance(refusal, as_wanted) and not request.accept_offer
    email = None if told or has_it else REFUSED
    await finish(
        CANCELLATION,
        request.id,
        request.user_id,
        response,
        problem=slug_of(refusal),
        email=email,
        withdraw=isinstance(refusal, CancellationTakenBack),
    )


async def send_refusal(request_id: UUID, user_id: str) -> Delivered:
    """Send the email that `finish_refused` put in the outbox, if there is one."""
    asked = await _asked(request_id, user_id)
    if not asked.refusal_to_send:
        return Delivered(REFUSED)

    def email(customer: Customer) -> Draft:
        about = opening(customer, request_id, asked.received_at)
        why = refusal_text(asked.response, customer.reads.language)
        asked_for = "discount" if asked.accept_offer else "cancellation"
        return RequestRefused(why=why, asked_for=asked_for, **about)

    return await deliver_email(request_id, user_id, REFUSED, email)


async def send_discount(applied: AppliedDiscount) -> Delivered:
    """Send step 5A's email to a customer whose discount was reported as failed but was applied after all."""
    request, terms = applied.case.request, applied.terms
    if not request.reported_failed:
        return Delivered(DISCOUNT)

    def email(customer: Customer) -> Draft:
        about = opening(customer, request.id, request.received_at)
        offer = discount(terms.terms, customer.reads, terms.current_discount)
        return DiscountConfirmation(plan=plan_name(terms.plan, customer), offer=offer, **about)

    return await deliver_email(request.id, request.user_id, DISCOUNT, email)


async def send_delay(request_id: UUID, user_id: str) -> Delivered:
    """Send the email to a customer whose request needs attention."""
    asked = await _asked(request_id, user_id)

    def email(customer: Customer) -> Draft:
        asked_for = "discount" if asked.accept_offer else "cancellation"
        return CancellationDelayed(
            asked_for=asked_for, ends_at=None, **opening(customer, request_id, asked.received_at)
        )

    return await deliver_email(request_id, user_id, DELAYED, email)


async def _asked(request_id: UUID, user_id: str) -> _Asked:
    async with services().database.as_user(user_id) as transaction:
        asked = await transaction.one("asked", _Asked, request_id=request_id)
    if asked is None:
        raise LookupError(f"user {user_id} has no request {request_id}")
    return asked
