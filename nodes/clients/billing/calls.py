"""Stripe calls with time limits. They raise `BillingFailed` without Stripe's message, which may quote our data."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar, cast

import stripe

from nodes.errors import BillingFailed

T = TypeVar("T")

# Limits for a whole call, retries and Retry-After pauses included. The customer gets a response within 8 s: a failing
# read takes 3 s; a failing write, with the read before it and the glance at its outcome, takes 7 s; anything slower
# continues behind a 202.
READ_SECONDS = 3.0
WRITE_SECONDS = 5.5
PAGE_SIZE = 100  # Stripe's largest


async def ask(call: Callable[[], Awaitable[T]], *, writing: bool, seconds: float | None = None) -> T:
    """Return the call's result within its time limit; on a rate limit, wait as long as Stripe asks and retry once."""
    seconds = seconds or (WRITE_SECONDS if writing else READ_SECONDS)
    with our_errors(writing=writing):
        async with asyncio.timeout(seconds):
            try:
                return await call()
            except stripe.RateLimitError as limited:
                pause = retry_after(limited)
                if pause > seconds / 2:
                    raise
                await asyncio.sleep(pause)  # refused before it began, so the same key is valid
                return await call()


async def together(*calls: Awaitable[T]) -> list[T]:
    """Return the results of concurrent calls; raise the first error once all have finished."""
    results = await asyncio.gather(*calls, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return cast("list[T]", results)


def retry_after(limited: stripe.RateLimitError) -> float:
    """Return how many seconds Stripe asks to wait."""
    try:
        return float((limited.headers or {}).get("retry-after", 1.0))
    except ValueError:  # a date, which Stripe does not send
        return float("inf")


@contextmanager
def our_errors(*, writing: bool) -> Iterator[None]:
    """Raise the SDK's errors as `BillingFailed`."""
    try:
        yield
    except TimeoutError:
        raise BillingFailed("Stripe did not respond in time", uncertain=writing) from None
    except stripe.StripeError as error:
        status, code = error.http_status or 0, _code(error)
        # A key still in use means that the earlier call with it, which was cut off, is still running.
        lost = isinstance(error, stripe.APIConnectionError) or code == "idempotency_key_in_use"
        raise BillingFailed(
            _described(error),
            code=code,
            param=_param(error),
            stripe_request_id=error.request_id,
            uncertain=writing and (lost or status >= 500),
            answered=status >= 400 and status != 429 and not lost,
            declined=isinstance(error, stripe.CardError),
        ) from None


def _described(error: stripe.StripeError) -> str:
    parts = [type(error).__name__, error.http_status, _code(error), _param(error), error.request_id]
    return "Stripe: " + " ".join(str(part) for part in parts if part)


def _param(error: stripe.StripeError) -> str | None:
    return getattr(error, "param", None)


def _code(error: stripe.StripeError) -> str | None:
    # Some of the SDK's error classes have the code only in the body.
    return error.code or (error.error.code if error.error else None)
