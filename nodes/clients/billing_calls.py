"""How Stripe is called: within so many seconds, its errors as ours, and without its message, which may quote us."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar, cast

import stripe

from nodes.errors import BillingFailed

T = TypeVar("T")

# What a call may take in all, its repetitions and Stripe's own Retry-After included. The customer is answered after
# 8 s at the latest: a look that fails is told after 3 s; a write that fails, after a quick look and with a glance at
# what became of it, after 7 s; and whatever is slower goes on behind a 202.
READ_SECONDS = 3.0
WRITE_SECONDS = 5.5
PAGE_SIZE = 100  # Stripe's largest


async def ask(call: Callable[[], Awaitable[T]], *, writing: bool, seconds: float | None = None) -> T:
    """Return one call within its seconds. Where Stripe has too much to do and says for how long, we wait that once."""
    seconds = seconds or (WRITE_SECONDS if writing else READ_SECONDS)
    with our_errors(writing=writing):
        async with asyncio.timeout(seconds):
            try:
                return await call()
            except stripe.RateLimitError as limited:
                pause = retry_after(limited)
                if pause > seconds / 2:
                    raise
                await asyncio.sleep(pause)  # refused before it was begun, so the same key serves
                return await call()


async def together(*calls: Awaitable[T]) -> list[T]:
    """Return the results of calls that run concurrently; the first error is raised once none of them runs any more."""
    results = await asyncio.gather(*calls, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return cast("list[T]", results)


def retry_after(limited: stripe.RateLimitError) -> float:
    """Return for how many seconds Stripe asks to wait."""
    try:
        return float((limited.headers or {}).get("retry-after", 1.0))
    except ValueError:  # a date, which Stripe does not send
        return float("inf")


@contextmanager
def our_errors(*, writing: bool) -> Iterator[None]:
    """The SDK's errors leave as `BillingFailed`."""
    try:
        yield
    except TimeoutError:
        raise BillingFailed("Stripe did not answer in time", uncertain=writing) from None
    except stripe.StripeError as error:
        status, code = error.http_status or 0, _code(error)
        # The key of a call that was cut off is still in use: so that call is still under way.
        lost = isinstance(error, stripe.APIConnectionError) or code == "idempotency_key_in_use"
        raise BillingFailed(
            _described(error),
            code=code,
            stripe_request_id=error.request_id,
            uncertain=writing and (lost or status >= 500),
            answered=status >= 400 and status != 429 and not lost,
        ) from None


def _described(error: stripe.StripeError) -> str:
    parts = [type(error).__name__, error.http_status, _code(error), getattr(error, "param", None), error.request_id]
    return "Stripe: " + " ".join(str(part) for part in parts if part)


def _code(error: stripe.StripeError) -> str | None:
    # Some of the SDK's classes leave `code` empty and keep it in the body only.
    return error.code or (error.error.code if error.error else None)
