"""Background delivery of events to their endpoints, signed like Stripe's and retried until accepted."""

import asyncio
import hashlib
import hmac
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .account import Account
from .wire import Document, dump, new_id

if TYPE_CHECKING:
    import httpx

# Seconds before each retry; Stripe's own retries are hours apart.
BACKOFF = (0.2, 0.5, 1.0, 2.0, 4.0)
ANSWER_SECONDS = 10
CONCURRENCY = 16


def signature(body: bytes, secrets: list[str], at: int) -> str:
    """Return the `Stripe-Signature` header, with one `v1` per secret so that both are valid during a rotation."""
    signed = f"{at}.".encode() + body
    marks = [hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() for secret in secrets]
    return ",".join([f"t={at}", *(f"v1={mark}" for mark in marks)])


class Courier:
    """Sends the deliveries queued in the store, several concurrently."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.connection = account.store.connection
        self.paused = False
        self._under_way: dict[int, asyncio.Task[None]] = {}
        self._woken = asyncio.Event()
        self._client: httpx.AsyncClient | None = None

    def wake(self) -> None:
        """Wake the loop: there may be something to send."""
        self._woken.set()

    async def run(self, housekeeping: Callable[[], None]) -> None:
        """Send due deliveries forever, calling `housekeeping` about once a second."""
        while True:
            housekeeping()
            self._start_due()
            try:
                await asyncio.wait_for(self._woken.wait(), self._patience())
            except TimeoutError:
                continue
            self._woken.clear()

    async def close(self) -> None:
        """Cancel the deliveries in progress; they stay queued."""
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._client:
            await self._client.aclose()

    def _patience(self) -> float:
        row = self.connection.execute("SELECT min(next_at) AS next FROM deliveries WHERE state = 'pending'").fetchone()
        if row["next"] is None or self.paused or len(self._under_way) >= CONCURRENCY:
            return 1.0
        return float(min(1.0, max(0.02, row["next"] - time.time())))

    def _start_due(self) -> None:
        if self.paused:
            return
        rows = self.connection.execute(
            "SELECT * FROM deliveries WHERE state = 'pending' AND next_at <= ? ORDER BY id LIMIT ?",
            (time.time(), CONCURRENCY * 2),
        ).fetchall()
        for row in rows:
            if len(self._under_way) < CONCURRENCY and row["id"] not in self._under_way:
                self._under_way[row["id"]] = asyncio.create_task(self._deliver(dict(row)))

    async def _deliver(self, delivery: dict[str, Any]) -> None:
        try:
            status, error = await self._send(delivery)
            self._note(delivery, status, error)
        finally:
            del self._under_way[delivery["id"]]
            self.wake()

    async def _send(self, delivery: dict[str, Any]) -> tuple[int | None, str | None]:
        import httpx  # takes a tenth of a second, needed only with webhooks

        event = self.account.store.get("event", delivery["event"])
        endpoint = self.account.store.get("webhook_endpoint", delivery["endpoint"])
        if event is None or endpoint is None:
            return None, "the endpoint is gone"
        event["api_version"] = endpoint["api_version"] or event["api_version"]
        headers, body = self.signed(event, endpoint["_secrets"], int(time.time()))
        self._client = self._client or httpx.AsyncClient(trust_env=False, timeout=ANSWER_SECONDS)
        try:
            answer = await self._client.post(delivery["url"], content=body, headers=headers)
        except httpx.HTTPError as failure:
            return None, type(failure).__name__
        return answer.status_code, None

    def signed(self, event: Document, secrets: list[str], at: int) -> tuple[dict[str, str], bytes]:
        """Return the headers and body of an event's request."""
        body = dump(self.account.render(event))
        headers = {
            "content-type": "application/json; charset=utf-8",
            "user-agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
            "stripe-signature": signature(body, secrets, at),
        }
        return headers, body

    def _note(self, delivery: dict[str, Any], status: int | None, error: str | None) -> None:
        attempts = delivery["attempts"] + 1
        taken = status is not None and 200 <= status < 300
        again = not taken and attempts <= len(BACKOFF) and error != "the endpoint is gone"
        state = "delivered" if taken else "pending" if again else "failed"
        next_at = time.time() + BACKOFF[attempts - 1] if again else 0
        with self.account.store.transaction():
            self.connection.execute(
                "UPDATE deliveries SET state = ?, attempts = ?, next_at = ?, status = ?, error = ? WHERE id = ?",
                (state, attempts, next_at, status, error, delivery["id"]),
            )
            if state != "pending":
                self._count_down(delivery["event"])

    def _count_down(self, identifier: str) -> None:
        event = self.account.store.get("event", identifier)
        if event and event["pending_webhooks"]:
            self.account.save(event | {"pending_webhooks": event["pending_webhooks"] - 1})

    # For the control API

    def log(self) -> list[Document]:
        """Return every delivery, oldest first, with its last result."""
        rows = self.connection.execute("SELECT * FROM deliveries ORDER BY id").fetchall()
        return [dict(row) for row in rows]

    def clear(self) -> None:
        """Delete all deliveries, including queued ones."""
        with self.account.store.transaction():
            self.connection.execute("DELETE FROM deliveries")

    def redeliver(self, identifier: str) -> int:
        """Send an event once more to every endpoint enabled for its type, and return how many there are."""
        with self.account.store.transaction():
            event = self.account.store.get("event", identifier)
            targets = self.account.endpoints(event["type"]) if event else []
            for endpoint, url in targets:
                self.account.queue_delivery(event or {}, endpoint, url)
        self.wake()
        return len(targets)

    def rotate(self, identifier: str, *, finish: bool = False) -> list[str]:
        """Give an endpoint a new secret beside the old, or with `finish` keep only the newest; return the secrets."""
        with self.account.store.transaction():
            endpoint = self.account.store.get("webhook_endpoint", identifier)
            if endpoint is None:
                return []
            kept = endpoint["_secrets"][:1]
            secrets: list[str] = kept if finish else [new_id("whsec", 32), *kept]
            self.account.save(endpoint | {"_secrets": secrets})
        return secrets
