"""Step 4E: end a pause of payment collection."""

from nodes.changes.apply import applied
from nodes.changes.records import Accepted, Applied
from nodes.node import node
from nodes.services import services


@node("Resume Collection", step="4E")
async def resume_collection(accepted: Accepted) -> Applied:
    """Clear `pause_collection` in Stripe and read it back."""
    request, billed = accepted.case.request, accepted.case.subscription.billed
    resume = services().billing.changes.resume
    return await applied(accepted, lambda: resume(billed.id, key=request.billing_key("4E")))
