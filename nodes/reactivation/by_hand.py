"""Before step 3: a reactivation that only a person may carry out in Stripe (FEATURES U10)."""

from nodes.errors import DoneByHand
from nodes.reactivation.records import ReactivationCase
from nodes.subscriptions.by_hand import is_by_hand


def leave_to_person(case: ReactivationCase) -> None:
    """Raise `DoneByHand` while Stripe still shows an end that this request would have to clear.

    A request that was left to a person stays with them, even if the catalogue has changed since.
    """
    request, subscription = case.request, case.subscription
    if request.reached("cleared") or not subscription.billed.pending:
        return
    if request.by_hand or is_by_hand(subscription):
        raise DoneByHand(f"{subscription.id} is changed by hand only")
