"""Step 4D: move the end of the trial."""

from datetime import datetime
from typing import cast

from nodes.changes.apply import applied
from nodes.changes.records import Accepted, Applied
from nodes.node import node
from nodes.services import services


@node("Move Trial End", step="4D")
async def move_trial_end(accepted: Accepted) -> Applied:
    """Set `trial_end` in Stripe and read it back (FEATURES C31)."""
    request, billed = accepted.case.request, accepted.case.subscription.billed
    until = cast("datetime", accepted.agreed.trial_ends_at)
    extend = services().billing.changes.extend_trial
    return await applied(accepted, lambda: extend(billed.id, until, key=request.billing_key("4D")))
