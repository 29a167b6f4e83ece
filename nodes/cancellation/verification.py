"""The phase Verification: what we are about to tell the customer is what Stripe said when read back (FEATURES W21)."""

from nodes.cancellation.records import AppliedDiscount, PendingCancellation, ScheduledCancellation
from nodes.errors import VerificationFailed
from nodes.rules.progress import RecoveryPoint
from nodes.subscriptions.mirror import status_of


def verify_pending(scheduled: ScheduledCancellation, pending: PendingCancellation) -> None:
    """The row, as read back from Postgres, against Stripe's word; raises `VerificationFailed`.

    What was told before was verified then: since then it may have been taken back, or be over.
    """
    if pending.case.request.reached(RecoveryPoint.FINISHED):
        return
    told = (pending.status, pending.cancel_at)
    said = (status_of(scheduled.billed), scheduled.cancel_at)
    if told != said:
        raise VerificationFailed(f"our row says {told}, Stripe {said}")


def verify_discount(applied: AppliedDiscount) -> None:
    """The offer that was accepted against the discounts that Stripe shows; raises `VerificationFailed`."""
    discount = applied.billed.discount_of(applied.terms.coupon_id)
    if discount is None or discount.id != applied.stripe_discount_id or applied.billed.pending:
        raise VerificationFailed(f"Stripe does not show {applied.terms.coupon_id} on {applied.billed.id}")
    if applied.terms.current_discount == "replaced" and applied.billed.discounts != (discount,):
        raise VerificationFailed(f"{applied.billed.id} still has the discount that was to be replaced")
