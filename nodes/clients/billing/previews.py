"""Stripe's previews of invoices: what a subscription will be charged, before and after a change.

https://docs.stripe.com/api/invoices/create_preview. Raises `BillingFailed`.
"""

from dataclasses import dataclass, replace
from datetime import datetime

import stripe
from stripe.params import (
    InvoiceCreatePreviewParams,
    InvoiceCreatePreviewParamsDiscount,
    InvoiceCreatePreviewParamsSubscriptionDetails,
)

from nodes.clients.billing.calls import ask
from nodes.clients.billing.changes import Proration, seconds
from nodes.errors import BillingFailed


@dataclass(frozen=True)
class Previewed:
    """An invoice as Stripe would make it: `due` is the charge, after the customer's balance; `total` is before it.

    `balance`: the customer's, before the invoice; negative for a credit. `pending`: the part of `total` that is for
    earlier changes, which Stripe charges only once.
    """

    total: int
    due: int
    balance: int
    pending: int = 0

    @property
    def balance_after(self) -> int:
        """Return the credit that the invoice leaves, as a negative amount; Stripe adds a debt to the charge."""
        return min(0, self.balance + self.total)

    @property
    def later(self) -> "Previewed":
        """Return the same invoice in a later period, without what is pending now."""
        total = self.total - self.pending
        return replace(self, total=total, due=max(0, total + self.balance), pending=0)


@dataclass(frozen=True)
class Discounts:
    """The discounts of a previewed invoice, in place of the subscription's: existing ones, and a coupon."""

    kept: tuple[str, ...]
    coupon: str | None = None


class BillingPreviews:
    """The previews of `Billing`, on its connections."""

    def __init__(self, invoices: stripe.InvoiceService) -> None:
        self._invoices = invoices

    async def next(self, subscription_id: str, discounts: Discounts | None) -> Previewed:
        """Return the next invoice, with other discounts if they are given."""
        return await self._preview(subscription_id, discounts, None)

    async def with_price(
        self,
        subscription_id: str,
        item_id: str,
        price_id: str,
        *,
        proration: Proration,
        as_of: datetime,
        discounts: Discounts | None = None,
    ) -> Previewed:
        """Return the first invoice after a change of price: of now if it is prorated or has another interval."""
        details: InvoiceCreatePreviewParamsSubscriptionDetails = {
            "items": [{"id": item_id, "price": price_id}],
            "proration_behavior": proration,
        }
        if proration != "none":
            details["proration_date"] = seconds(as_of)
        return await self._preview(subscription_id, discounts, details)

    async def ending_now(self, subscription_id: str, as_of: datetime) -> int:
        """Return the total of what would be invoiced if the subscription ended as of a time: negative for a credit.

        That is the unused time, with any earlier change that waits for an invoice.
        """
        try:
            details: InvoiceCreatePreviewParamsSubscriptionDetails = {
                "cancel_now": True,
                "proration_behavior": "create_prorations",
                "proration_date": seconds(as_of),
            }
            return (await self._preview(subscription_id, None, details)).total
        except BillingFailed as error:
            if error.code == "invoice_upcoming_none":
                return 0
            raise

    async def with_trial(self, subscription_id: str, until: datetime) -> Previewed:
        """Return the first invoice after a trial that ends then."""
        return await self._preview(subscription_id, None, {"trial_end": seconds(until), "proration_behavior": "none"})

    async def _preview(
        self,
        subscription_id: str,
        discounts: Discounts | None,
        details: InvoiceCreatePreviewParamsSubscriptionDetails | None,
    ) -> Previewed:
        params: InvoiceCreatePreviewParams = {"subscription": subscription_id}
        if discounts is not None:
            entries: list[InvoiceCreatePreviewParamsDiscount] = [{"discount": each} for each in discounts.kept]
            if discounts.coupon is not None:
                entries.append({"coupon": discounts.coupon})
            params["discounts"] = entries or ""  # an empty text clears the list
        if details is not None:
            params["subscription_details"] = details
        found = await ask(lambda: self._invoices.create_preview_async(params), writing=False)
        return Previewed(found.total, found.amount_due, found.starting_balance, _pending(found))


def _pending(found: stripe.Invoice) -> int:
    """Return the amount of the prorations, after their discounts."""
    return sum(
        line.amount - sum(off.amount for off in line.discount_amounts or ())
        for line in found.lines.data
        if line.parent
        and (of_item := line.parent.subscription_item_details or line.parent.invoice_item_details)
        and of_item.proration
    )
