"""Step 11B: the response to a customer who cancels."""

from nodes.cancellation.records import PendingCancellation
from nodes.cancellation.reported import reported
from nodes.messages.records import Delivered
from nodes.node import node, run_log
from nodes.requests.carrying_out import said
from nodes.requests.finish import finish
from nodes.requests.kind import CANCELLATION
from nodes.requests.records import Response
from nodes.rules.dates import rfc3339


@node("Success Response", step="11B")
async def success_response(pending: PendingCancellation, preserved: Delivered) -> Response:
    """Return `{success, status, cancel_at, data_retention_until}` (FEATURES W20), and what the plan's policy adds."""
    request = pending.case.request
    body = {
        "success": True,
        "status": pending.status,
        "cancel_at": rfc3339(pending.cancel_at),
        "data_retention_until": rfc3339(pending.data_retention_until),
        **await reported(pending.terms, pending.cancel_at, request.user_id),
        **await said(request),
    }
    response = Response(pending.status, 200, body)
    await finish(CANCELLATION, request.id, request.user_id, response)
    run_log().info("200 %s, with %s", pending.status, preserved.what)
    return response
