"""The phase Verification: the response to the customer matches Stripe as read back (FEATURES W21)."""

from nodes.cancellation.records import AppliedDiscount, PendingCancellation, ScheduledCancellation
from nodes.errors import VerificationFailed
from nodes.rules.progress import RecoveryPoint
from nodes.subscriptions.mirror import status_of


def verify_pending(scheduled: ScheduledCancellation, pending: PendingCancellation) -> None:
    """Raise `VerificationFailed` if our row differs from Stripe.

    A finished request was verified before; since then, its cancellation may have been revoked or taken effect.
    """
    if pending.case.request.reached(RecoveryPoint.FINISHED):
        return
    told = (pending.status, pending.cancel_at)
    said = (status_of(scheduled.billed), scheduled.cancel_at)
    if told != said:
        raise VerificationFailed(f"our row says {told}, Stripe {said}")


def verify_discount(applied: AppliedDiscount) -> None:
    """Raise `VerificationFailed` if the discounts in Stripe don't match the accepted offer."""
    discount = applied.billed.discount_of(applied.terms.coupon_id)
    if discount is None or discount.id != applied.stripe_discount_id or applied.billed.pending:
        raise VerificationFailed(f"Stripe does not show {applied.terms.coupon_id} on {applied.billed.id}")
    if applied.terms.current_discount == "replaced" and applied.billed.discounts != (discount,):
        raise VerificationFailed(f"{applied.billed.id} still has the discount that was to be replaced")
