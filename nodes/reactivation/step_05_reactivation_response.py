"""Step 5: the response to a customer who reactivates."""

from nodes.node import node, run_log
from nodes.reactivation.records import Active
from nodes.requests.finish import finish
from nodes.requests.kind import REACTIVATION
from nodes.requests.records import Response
from nodes.rules.dates import rfc3339


@node("Reactivation Response", step="5")
async def reactivation_response(active: Active) -> Response:
    """Return `{success, status, subscription_id, renews_at}`, also if there was nothing to revoke (DECISIONS)."""
    request = active.case.request
    body = {
        "success": True,
        "status": active.status,
        "subscription_id": active.case.subscription.id,
        "renews_at": rfc3339(active.renews_at),
    }
    outcome = "active_already" if active.case.active_already else "reactivated"
    response = Response(outcome, 200, body)
    await finish(REACTIVATION, request.id, request.user_id, response)
    run_log().info("200 %s", outcome)
    return response
