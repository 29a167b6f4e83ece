"""Make a request's change in Stripe, or let the company's hook make it (FEATURES C15, C17)."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from nodes.clients.billing.objects import BillingSubscription
from nodes.clients.hooks import HookResponse, Receiver
from nodes.errors import ActionHookFailed, HookFailed
from nodes.node import run_log
from nodes.refusals.carriers import ActionNotSeen, ActionRefused
from nodes.requests.records import ActionRequest
from nodes.rules.carriers import Action, Carrier, message_in
from nodes.rules.dates import rfc3339
from nodes.services import services

# A hook makes several calls to Stripe. A customer who has waited for 8 seconds is told that the work continues.
HOOK_SECONDS = 20.0
# A hook that fails quickly is asked again for so long, as a deploy or a full queue may be over in a moment, and the
# customer still gets a response in time. After that, the request is retried as after a failure of Stripe's. The id is
# the same each time, by which the hook recognizes what it has done: one that failed may have done it.
RETRIED_SECONDS, PAUSE_SECONDS = 3.0, 1.0


@dataclass(frozen=True)
class Work:
    """An action on a request's subscription. `terms`: of the action, as the hook gets them; those that are None not."""

    request: ActionRequest
    subscription_id: str
    action: Action
    terms: Mapping[str, Any]


@dataclass(frozen=True)
class ByPage:
    """A page of the company's says that it has made the change. `message`: what it says to the customer."""

    message: str | None = None


def carrier_of(action: str) -> Carrier:
    """Return who carries out an action that nobody's page has carried out."""
    return "hook" if action in services().settings.action_hooks else "cancelflow"


async def carry_out(
    work: Work, write: Callable[[], Awaitable[BillingSubscription | None]]
) -> BillingSubscription | None:
    """Call the hook in place of the write if the request is the hook's, else run the write. See `settled`.

    Raises `ActionNotSeen` if it is a page's, which has made its change by now; `ActionRefused` and `ActionHookFailed`.
    A request for a hook that was removed from the settings meanwhile is cancelflow's.
    """
    if work.request.carried_out_by == "page":
        raise ActionNotSeen
    receiver = _receiver(work.action)
    if work.request.carried_out_by == "cancelflow" or receiver is None:
        return await write()
    response = await _asked(await _event(work), receiver, work.request.billing_key(work.action))
    message = message_in(response.content.get("message")) if isinstance(response.content, dict) else None
    if not 200 <= response.status < 300:
        run_log().info("the hook refused: %s", response.status)
        raise ActionRefused(message)
    if message:
        async with services().database.as_user(work.request.user_id) as transaction:
            await transaction.run("carrier_said", request_id=work.request.id, message=message)
    run_log().info("carried out by the hook: %s", work.action)
    return None


async def said(request: ActionRequest) -> dict[str, str]:
    """Return the `message` of the hook or the page, for the response to the customer; nothing if there is none."""
    if request.carried_out_by == "cancelflow":
        return {}
    async with services().database.as_user(request.user_id) as transaction:
        messages = await transaction.values("what_carrier_said", request_id=request.id)
    return {"message": messages[0]} if messages else {}


def _receiver(action: Action) -> Receiver | None:
    url, secret = services().settings.action_hooks.get(action), services().settings.action_hook_secret
    return Receiver(url, secret) if url and secret else None


async def _event(work: Work) -> dict[str, Any]:
    request = work.request
    async with services().database.as_user(request.user_id) as transaction:
        [customer_id] = await transaction.values("customer_of_subscription", subscription_id=work.subscription_id)
    data = {
        "request_id": str(request.id),
        "user_id": request.user_id,
        "subscription_id": work.subscription_id,
        "customer_id": customer_id,
        **{name: value for name, value in work.terms.items() if value is not None},
    }
    return {"type": f"action.{work.action}", "timestamp": rfc3339(request.received_at), "data": data}


async def _asked(event: Mapping[str, Any], receiver: Receiver, hook_id: str) -> HookResponse:
    """Return a response that decides: a success, or a refusal with a message. Raises `ActionHookFailed`."""
    clock = asyncio.get_running_loop()
    last_try = clock.time() + RETRIED_SECONDS
    while True:
        try:
            response = await services().hooks.ask(event, receiver, hook_id=hook_id, seconds=HOOK_SECONDS)
        except HookFailed as failed:
            problem = str(failed)
        else:
            if 200 <= response.status < 300 or _refuses(response):
                return response
            problem = f"the hook responded {response.status}"
        run_log().warning("%s: %s", event["type"], problem)
        if clock.time() > last_try:
            raise ActionHookFailed(problem, uncertain=True)
        await asyncio.sleep(PAUSE_SECONDS)


def _refuses(response: HookResponse) -> bool:
    """Return whether the hook decided against the action; without a message, it is more likely a wrong address."""
    decided = 400 <= response.status < 500 and response.status not in (408, 429)
    return decided and isinstance(response.content, dict) and message_in(response.content.get("message")) is not None
