"""Before step 6B: a cancellation that only a person may carry out in Stripe (FEATURES U10)."""

from nodes.cancellation.records import CapturedReason
from nodes.errors import DoneByHand
from nodes.rules.progress import RecoveryPoint
from nodes.subscriptions.by_hand import is_by_hand


def leave_to_person(reason: CapturedReason) -> None:
    """Raise `DoneByHand` until `cancelflow finish` has found the cancellation in Stripe.

    A request that was left to a person stays with them, even if the catalogue has changed since.
    """
    request, subscription = reason.case.request, reason.case.subscription
    if request.reached(RecoveryPoint.CANCELLATION_SCHEDULED) or request.carried_out_by == "page":
        return
    if request.by_hand or is_by_hand(subscription):
        raise DoneByHand(f"{subscription.id} is changed by hand only")
