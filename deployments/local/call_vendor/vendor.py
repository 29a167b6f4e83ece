"""The stand-in's calls, in memory, and their results, signed as https://www.standardwebhooks.com specifies."""

import base64
import hashlib
import hmac
import json
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx

TIMEOUT_SECONDS = 10.0


@dataclass
class Call:
    """A call. `id`: the `webhook-id`. `times`: how often it was sent. `results`: each with the response to it."""

    id: str
    data: dict[str, Any]
    received_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    times: int = 1
    results: list[dict[str, Any]] = field(default_factory=list)

    def summary(self) -> dict[str, Any]:
        """Return the call as JSON."""
        return {**vars(self), "received_at": self.received_at.isoformat(), "call_id": self.vendor_id}

    @property
    def vendor_id(self) -> str:
        """Return the stand-in's own id of the call."""
        return f"call_{self.id}"


class Vendor:
    """The vendor. A repetition with a `webhook-id` that it knows is no second call."""

    def __init__(self, results_url: str, secret: str) -> None:
        self._results_url = results_url
        self._key = base64.b64decode(secret.removeprefix("whsec_"))
        self._calls: dict[str, Call] = {}

    @property
    def calls(self) -> list[Call]:
        """Return every call, newest first."""
        return list(reversed(self._calls.values()))

    def call(self, identifier: str) -> Call | None:
        """Return a call by its `webhook-id`."""
        return self._calls.get(identifier)

    def take(self, identifier: str, data: dict[str, Any]) -> Call:
        """Take a call, once."""
        if known := self._calls.get(identifier):
            known.times += 1
            return known
        self._calls[identifier] = Call(identifier, data)
        return self._calls[identifier]

    async def report(self, call: Call, outcome: dict[str, Any]) -> dict[str, Any]:
        """Send a result, and return its data with the response's status and body."""
        data = {"callId": call.vendor_id, "webhookId": call.id, "status": "completed", **outcome}
        body = json.dumps({"type": "calls.result", "data": data}).encode()
        async with httpx.AsyncClient(timeout=TIMEOUT_SECONDS) as client:
            response = await client.post(self._results_url, content=body, headers=self._signed(body))
        result = {"data": data, "status": response.status_code, "response": response.text}
        call.results.append(result)
        return result

    def _signed(self, body: bytes) -> dict[str, str]:
        hook_id, timestamp = f"msg_{uuid4().hex}", int(time.time())
        signature = hmac.new(self._key, f"{hook_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
        return {
            "content-type": "application/json",
            "webhook-id": hook_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": f"v1,{base64.b64encode(signature).decode()}",
        }
