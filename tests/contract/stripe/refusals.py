"""Assertions about Stripe's errors."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import stripe


@contextmanager
def refused(
    *, code: str | None = None, param: str | None = None, status: int = 400, says: str = ""
) -> Iterator[pytest.ExceptionInfo[stripe.InvalidRequestError]]:
    """Expect an `invalid_request_error` with exactly this status, code and parameter."""
    with pytest.raises(stripe.InvalidRequestError) as caught:
        yield caught
    error = caught.value
    assert (error.http_status, error.code, error.param) == (status, code, param), error
    assert error.error is not None
    assert error.error.type == "invalid_request_error"
    assert says in str(error)
