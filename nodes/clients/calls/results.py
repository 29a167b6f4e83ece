"""Verification of the results that the vendor of calls sends, signed as https://www.standardwebhooks.com specifies."""

import time
from collections.abc import Mapping
from hmac import compare_digest

from pydantic import SecretStr

from nodes.clients.hooks import signed
from nodes.clients.webhooks import TOLERANCE_SECONDS
from nodes.refusals.webhooks import CallResultsOff, ResultNotSigned
from nodes.settings import CallSettings


class CallResults:
    """A verifier for results. It accepts several secrets, as during a rotation."""

    def __init__(self, settings: CallSettings) -> None:
        self._secrets = settings.call_result_secrets

    def verify(self, body: bytes, headers: Mapping[str, str]) -> None:
        """Check the raw body's signature and age. Raises `CallResultsOff` without a secret, and `ResultNotSigned`."""
        if not self._secrets:
            raise CallResultsOff
        given = headers.get("webhook-signature", "").split()
        hook_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
        if not (timestamp.isascii() and timestamp.isdecimal()) or len(timestamp) > 12:
            raise ResultNotSigned
        if abs(time.time() - int(timestamp)) > TOLERANCE_SECONDS:
            raise ResultNotSigned
        if not any(_is_signed(body, secret, hook_id, int(timestamp), given) for secret in self._secrets):
            raise ResultNotSigned


def _is_signed(body: bytes, secret: SecretStr, hook_id: str, timestamp: int, given: list[str]) -> bool:
    expected = signed(body, secret, hook_id, timestamp)["webhook-signature"].encode()
    # Bytes, as compare_digest refuses text that is not ASCII.
    return any(compare_digest(expected, each.encode()) for each in given)
