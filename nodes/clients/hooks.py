"""Client for outgoing webhooks, signed as https://www.standardwebhooks.com specifies."""

import asyncio
import base64
import hashlib
import hmac
import json
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx
from pydantic import SecretStr

from nodes.errors import HookFailed

# A receiver should only record the webhook and respond. The outbox retries, with growing pauses, so there is no retry
# here; the webhook's id is the idempotency key with which a receiver recognizes a repetition.
SEND_TIMEOUT = 5.0
# A response is a short JSON document; the rest of a longer one is not read.
MOST_BYTES = 16 * 1024


@dataclass(frozen=True)
class Receiver:
    """An address that gets webhooks, and the secret that it shares with us: `whsec_` and base64."""

    url: str
    secret: SecretStr


@dataclass(frozen=True)
class HookResponse:
    """What a receiver responded: its status, and its JSON; None if it is no JSON or too long."""

    status: int
    content: Any


class Hooks:
    """A sender of webhooks. Its connections belong to the event loop of the first call.

    `timeout` in seconds bounds a whole send.
    """

    def __init__(self, *, timeout: float = SEND_TIMEOUT) -> None:
        self._timeout = timeout
        self._http: httpx.AsyncClient | None = None

    async def send(self, event: Mapping[str, Any], receiver: Receiver, *, hook_id: str) -> HookResponse:
        """Send `event`, with its `type`, `timestamp` and `data`, and return once the receiver has accepted it.

        `hook_id`: the same for every attempt at one webhook. Raises `HookFailed`, which names neither the address nor
        what the receiver responded; after a timeout, it may still have accepted the webhook.
        """
        response = await self.ask(event, receiver, hook_id=hook_id)
        if not 200 <= response.status < 300:
            raise HookFailed(f"the webhook's receiver responded {response.status}")
        return response

    async def ask(
        self, event: Mapping[str, Any], receiver: Receiver, *, hook_id: str, seconds: float | None = None
    ) -> HookResponse:
        """Send `event` and return the response, whatever its status; otherwise as `send`.

        `seconds`: in place of the timeout.
        """
        body = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
        headers = {"content-type": "application/json", **signed(body, receiver.secret, hook_id, int(time.time()))}
        limit = seconds or self._timeout
        sending = self._connected().stream("POST", receiver.url, content=body, headers=headers, timeout=limit)
        try:
            async with asyncio.timeout(limit), sending as response:
                return HookResponse(response.status_code, await _content(response))
        except (TimeoutError, httpx.TimeoutException):
            raise HookFailed("the webhook's receiver did not respond in time") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise HookFailed(f"the webhook's receiver could not be reached ({type(error).__name__})") from None

    async def close(self) -> None:
        """Close the connections, if there are any."""
        if self._http is not None:
            await self._http.aclose()

    def _connected(self) -> httpx.AsyncClient:
        if self._http is None:
            # The system's certificates, as for mail. They take long to load, and most processes send no webhook.
            # Redirects are not followed: the signature was made for this receiver.
            self._http = httpx.AsyncClient(verify=ssl.create_default_context(), timeout=self._timeout)
        return self._http


def signed(body: bytes, secret: SecretStr, hook_id: str, timestamp: int) -> dict[str, str]:
    """Return the three headers that let a receiver verify the body. `timestamp`: of this attempt, in Unix seconds."""
    content = f"{hook_id}.{timestamp}.".encode() + body
    signature = base64.b64encode(hmac.new(_key(secret), content, hashlib.sha256).digest()).decode()
    return {"webhook-id": hook_id, "webhook-timestamp": str(timestamp), "webhook-signature": f"v1,{signature}"}


async def _content(response: httpx.Response) -> Any:
    read = b""
    async for part in response.aiter_bytes():
        read += part
        if len(read) > MOST_BYTES:
            return None
    try:
        return json.loads(read)
    except (ValueError, RecursionError):
        return None


def _key(secret: SecretStr) -> bytes:
    return base64.b64decode(secret.get_secret_value().removeprefix("whsec_"))
