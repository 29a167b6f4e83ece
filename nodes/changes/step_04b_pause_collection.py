"""Step 4B: pause payment collection, until Stripe resumes it by itself."""

from datetime import datetime
from typing import cast

from nodes.changes.apply import applied
from nodes.changes.records import Accepted, Applied
from nodes.node import node
from nodes.rules.ways_to_stay import Collection
from nodes.services import services


@node("Pause Collection", step="4B")
async def pause_collection(accepted: Accepted) -> Applied:
    """Set `pause_collection` in Stripe and read it back (FEATURES C28)."""
    request, billed, agreed = accepted.case.request, accepted.case.subscription.billed, accepted.agreed
    behavior, resumes_at = cast("Collection", agreed.behavior), cast("datetime", agreed.resumes_at)
    pause = services().billing.changes.pause
    return await applied(accepted, lambda: pause(billed.id, behavior, resumes_at, key=request.billing_key("4B")))
