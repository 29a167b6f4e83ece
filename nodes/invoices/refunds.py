"""Refund of the current period of a subscription that a plan's policy ends immediately (FEATURES F17).

The amount is decided once, before the first write, and kept in the request's row; each invoice's part is one credit
note. An earlier credit note of the same request is looked for first, because an idempotency key expires after a day.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime

from nodes.clients.billing.objects import BillingSubscription
from nodes.clients.billing.refunds import Payment
from nodes.errors import VerificationFailed
from nodes.node import run_log
from nodes.requests.records import Request
from nodes.rules.cancellation_policy import RefundChoice, split
from nodes.services import services


@dataclass(frozen=True)
class Part:
    """The part of a refund that one invoice returns. `credit_note`: its id once it is made."""

    invoice_id: str
    amount: int
    credit_note: str | None = None


@dataclass(frozen=True)
class Refund:
    """A refund, in minor units of its currency."""

    currency: str
    parts: tuple[Part, ...]

    @property
    def amount(self) -> int:
        """Return the whole amount."""
        return sum(part.amount for part in self.parts)


async def refund_of(billed: BillingSubscription, choice: RefundChoice, as_of: datetime, voided: int) -> Refund | None:
    """Return what ending the subscription as of a time refunds; None if it is nothing. Raises `BillingFailed`.

    `voided`: the amount of open invoices that are voided. The customer gets back what they paid for the unused time,
    which includes what they didn't pay.
    """
    if choice == "none":
        return None
    payments = services().billing.refunds.payments(billed.id, billed.current_period_start)
    if choice == "full":
        paid = _of_the_period(await payments)
        amount = sum(each.left for each in paid)
    else:
        paid, total = await asyncio.gather(payments, services().billing.previews.ending_now(billed.id, as_of))
        amount = -total - voided
    amounts = zip(paid, split(amount, (each.left for each in paid)), strict=True)
    parts = tuple(Part(payment.invoice_id, part) for payment, part in amounts if part)
    return Refund(billed.currency, parts) if parts else None


def _of_the_period(paid: list[Payment]) -> list[Payment]:
    """Return the newest invoice for a period and later ones for changes: with mixed intervals, there are older ones."""
    newest = next((place for place, each in enumerate(paid) if each.for_a_period), len(paid))
    return paid[: newest + 1]


async def make(request: Request, refund: Refund, record: Callable[[Refund], Awaitable[None]]) -> Refund:
    """Make the credit notes that are not made yet, recording each; return the refund with their ids."""
    for part in refund.parts:
        if part.credit_note is None:
            made = replace(part, credit_note=await _credit_note(request, part))
            refund = replace(refund, parts=tuple(made if each is part else each for each in refund.parts))
            await record(refund)
            run_log().info("refunded invoice %s by %s", part.invoice_id, made.credit_note)
    return refund


async def _credit_note(request: Request, part: Part) -> str:
    refunds = services().billing.refunds
    if (found := await refunds.refund_of(part.invoice_id, request.id)) is None:
        # One key per invoice, because a refund may have several parts.
        key = request.billing_key(f"6B:refund:{part.invoice_id}")
        await refunds.refund(part.invoice_id, part.amount, request.id, key=key)
        found = await refunds.refund_of(part.invoice_id, request.id)
    if found is None or found[1] != part.amount:
        raise VerificationFailed(f"Stripe does not show the credit note on {part.invoice_id}", answered=True)
    return found[0]
