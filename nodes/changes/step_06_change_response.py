"""Step 6: the response to a customer who accepted an offer or ended a pause."""

from typing import Any

from nodes.changes.records import Accepted
from nodes.messages.customer_locale import customer_locale
from nodes.node import node, run_log
from nodes.offers.wording import preview_as_json
from nodes.requests.carrying_out import said
from nodes.requests.finish import finish
from nodes.requests.kind import CHANGES
from nodes.requests.records import Response
from nodes.rules.dates import rfc3339
from nodes.services import services


@node("Change Response", step="6")
async def change_response(accepted: Accepted) -> Response:
    """Return what was done and what it costs, as the customer was shown it: `{success, change, subscription_id, …}`."""
    request, agreed = accepted.case.request, accepted.agreed
    body: dict[str, Any] = {
        "success": True,
        "change": request.kind,
        "offer_id": request.offer_id,
        "subscription_id": accepted.case.subscription.id,
    }
    times = {"resumes_at": agreed.resumes_at, "trial_ends_at": agreed.trial_ends_at, "starts_at": agreed.starts_at}
    body |= {name: rfc3339(at) for name, at in times.items() if at}
    if request.kind == "pause":
        body["access"] = services().settings.access_while_paused
    url = agreed.url if request.carried_out_by != "page" else None  # a page that handles it leads there itself
    body |= {name: value for name, value in (("price", agreed.price_id), ("url", url)) if value}
    if agreed.preview:
        async with services().database.as_user(request.user_id) as transaction:
            reads = await customer_locale(transaction, request.user_id)
        body["preview"] = preview_as_json(agreed.preview, reads)
    response = Response("changed", 200, body | await said(request))
    await finish(CHANGES[request.kind], request.id, request.user_id, response)
    run_log().info("200 changed")
    return response
