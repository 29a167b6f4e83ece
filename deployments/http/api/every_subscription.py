"""One response for a call about every subscription of its caller (FEATURES C01, C29)."""

import json
from asyncio import gather
from collections.abc import Awaitable, Callable, Sequence

from fastapi.responses import JSONResponse

from deployments.http.api.responses import respond
from nodes.requests.intake import Received


async def respond_for_each(
    received: Sequence[Received], carry_out: Callable[[Received], Awaitable[JSONResponse]], id_header: str
) -> JSONResponse:
    """Carry out all requests concurrently, and return what a call for each subscription alone would have returned.

    202 while one continues. A call that was refused as a whole, or found no live subscription, has one request that
    names none; its response is returned as it is. `id_header`: the header for the ids of the requests.
    """
    responses = await gather(*map(carry_out, received))
    if received[0].subscription_id is None:
        return responses[0]
    results = [
        {
            "subscription_id": each.subscription_id,
            "status_code": response.status_code,
            "response": json.loads(bytes(response.body)),
        }
        for each, response in zip(received, responses, strict=True)
    ]
    status = 202 if any(response.status_code == 202 for response in responses) else 200
    success = all(response.status_code < 300 for response in responses)
    ids = ", ".join(str(each.request_id) for each in received)
    return respond(status, {"success": success, "results": results}, **{id_header: ids})
