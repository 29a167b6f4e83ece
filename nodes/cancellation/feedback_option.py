"""A feedback option of the company's Stripe account, which never stops a cancellation (FEATURES F22, F28)."""

from collections.abc import Awaitable, Callable

from nodes.clients.billing.client import refuses_feedback
from nodes.clients.billing.objects import BillingSubscription
from nodes.errors import BillingFailed
from nodes.node import run_log

Write = Callable[[str | None], Awaitable[BillingSubscription]]


async def with_option(option: str | None, write: Write) -> BillingSubscription:
    """Return what the write returns with the option; if Stripe refuses it, such as a deactivated one, without it.

    The write without the option needs an idempotency key of its own.
    """
    try:
        return await write(option)
    except BillingFailed as error:
        if option is None or not refuses_feedback(error):
            raise
        run_log().warning("the feedback option %s is left out: %s", option, error)
    return await write(None)
