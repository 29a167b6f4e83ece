"""Step 6A: the response to a customer who stays."""

from nodes.cancellation.records import AppliedDiscount
from nodes.node import node, run_log
from nodes.requests.carrying_out import said
from nodes.requests.finish import finish
from nodes.requests.kind import CANCELLATION
from nodes.requests.records import Response


@node("Retention Success Response", step="6A")
async def retention_success_response(applied: AppliedDiscount) -> Response:
    """Return `{success, retention_applied, discount: "30% off", duration: "3 months"}` (FEATURES W09).

    If another discount was active, `current_discount` says whether it was "kept" or "replaced" (FEATURES F06).
    """
    body = {
        "success": True,
        "retention_applied": True,
        "discount": applied.terms.discount,
        "duration": applied.terms.duration,
    }
    if applied.terms.current_discount:
        body["current_discount"] = applied.terms.current_discount
    request = applied.case.request
    response = Response("retained", 200, body | await said(request))
    await finish(CANCELLATION, request.id, request.user_id, response)
    run_log().info("200 retained")
    return response
