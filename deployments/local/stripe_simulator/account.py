"""The simulated Stripe account: its objects, its clocks, and the events that every change emits."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .store import Column, Store
from .subscription.due import due_at
from .wire import API_VERSION, Document, new_id, no_such

# Stripe's name for a kind of object in "No such …".
_SPOKEN = {
    "billing.feedback_option": "feedback option",
    "subscription_schedule": "subscription_schedule",
    "payment_method": "PaymentMethod",
    "test_helpers.test_clock": "test clock",
}


@dataclass
class Origin:
    """The request that causes changes; empty for changes caused by time."""

    request_id: str | None = None
    idempotency_key: str | None = None


@dataclass
class Account:
    """The state that handlers work on. Single-threaded; the caller holds the store's transaction."""

    store: Store
    dunning_days: int = 14
    origin: Origin = field(default_factory=Origin)
    # The simulated time while due changes are processed; otherwise the clocks give the time.
    moment: int | None = None

    def __post_init__(self) -> None:
        """Set the id and creation time of a new account."""
        if not self.store.setting("account", ""):
            self.store.set_setting("account", new_id("acct", 16))
            self.store.set_setting("account_created", str(self.now()))

    @property
    def identifier(self) -> str:
        """Return the account's id, which lasts as long as the file."""
        return self.store.setting("account", "")

    # Time

    def offset(self) -> int:
        """Return the seconds by which the global clock is ahead of real time."""
        return int(self.store.setting("clock_offset", "0"))

    def set_offset(self, seconds: int) -> None:
        """Set the global clock's offset."""
        self.store.set_setting("clock_offset", str(seconds))

    def now(self, clock: str | None = None) -> int:
        """Return the Unix seconds of a test clock, or of the global clock."""
        if self.moment is not None:
            return self.moment
        if clock:
            frozen = self.store.get("test_helpers.test_clock", clock)
            if frozen:
                return int(frozen["frozen_time"])
        return int(time.time()) + self.offset()

    def after_last_retry(self) -> str:
        """Return the setting for subscriptions whose last payment retry has failed."""
        return self.store.setting("after_last_retry", "cancel")

    # Objects

    def peek(self, kind: str, identifier: str) -> Document:
        """Return an object that must exist because another one refers to it, even if deleted."""
        found = self.store.get(kind, identifier)
        if found is None:
            raise LookupError(f"the store names {kind} {identifier} but does not hold it")
        return found

    def find(self, kind: str, identifier: str, param: str | None = "id", status: int = 404) -> Document:
        """Return an object that a caller names; raises Stripe's `resource_missing`."""
        found = self.store.get(kind, identifier)
        if found is None or found.get("_deleted"):
            raise no_such(_SPOKEN.get(kind, kind), identifier, param, status)
        return found

    def save(self, document: Document) -> None:
        """Write an object, with its lookup columns."""
        self.store.put(document, _columns(document))

    def create(self, document: Document, event: str | None = None) -> Document:
        """Write a new object and emit its event."""
        self.save(document)
        if event:
            self.emit(event, document)
        return document

    def update(self, before: Document, after: Document, event: str | None) -> Document:
        """Write a changed object and emit an event with its previous values; do nothing if nothing changed."""
        if before != after:
            self.save(after)
            previous = differences(public(before), public(after))
            if event and previous:
                self.emit(event, after, previous)
        return after

    # Events

    def emit(self, kind: str, document: Document, previous: Document | None = None) -> None:
        """Record an event and queue it for every endpoint enabled for its type."""
        data: Document = {"object": self.render(document)}
        if previous is not None:
            data["previous_attributes"] = previous
        endpoints = self.endpoints(kind)
        event = {
            "id": new_id("evt"),
            "object": "event",
            "api_version": API_VERSION,
            "created": self.now(_clock(document)),
            "data": data,
            "livemode": False,
            "pending_webhooks": len(endpoints),
            "request": {"id": self.origin.request_id, "idempotency_key": self.origin.idempotency_key},
            "type": kind,
        }
        self.save(event)
        for endpoint, url in endpoints:
            self.queue_delivery(event, endpoint, url)

    def queue_delivery(self, event: Document, endpoint: str, url: str) -> None:
        """Queue an event for an endpoint."""
        self.store.connection.execute(
            "INSERT INTO deliveries (event, type, endpoint, url) VALUES (?, ?, ?, ?)",
            (event["id"], event["type"], endpoint, url),
        )

    def endpoints(self, kind: str) -> list[tuple[str, str]]:
        """Return the id and URL of each endpoint enabled for a type of event."""
        found = []
        for endpoint in self.store.scan("webhook_endpoint"):
            wanted = endpoint["enabled_events"]
            if endpoint["status"] == "enabled" and (kind in wanted or "*" in wanted):
                found.append((endpoint["id"], endpoint["url"]))
        return found

    # Shapes

    def render(self, document: Document) -> Document:
        """Return an object as the API shows it."""
        shown = public(document)
        refine = _REFINEMENTS.get(document["object"])
        return refine(self, document, shown) if refine else shown

    def listing(self, url: str, rows: list[Document], has_more: bool) -> Document:
        """Return a list object."""
        return {"object": "list", "data": [self.render(row) for row in rows], "has_more": has_more, "url": url}

    def page(
        self,
        kind: str,
        url: str,
        params: Document,
        matches: Callable[[Document], bool] = lambda document: True,
        **columns: Column,
    ) -> Document:
        """Return a page of a list, newest first, with Stripe's cursors and its filter on `created`."""
        limit = params.get("limit", 10)
        newer = self._cursor(kind, params, "ending_before")
        older = self._cursor(kind, params, "starting_after")
        rows: list[Document] = []
        created = params.get("created")
        for document in self.store.scan(kind, older_than=older, newer_than=newer, created=created, **columns):
            if not document.get("_deleted") and matches(document):
                rows.append(document)
                if len(rows) > limit:
                    break
        shown = rows[:limit] if newer is None else rows[:limit][::-1]
        return self.listing(url, shown, len(rows) > limit)

    def _cursor(self, kind: str, params: Document, name: str) -> int | None:
        if name not in params:
            return None
        found = self.store.sequence(kind, params[name])
        if found is None:
            raise no_such(_SPOKEN.get(kind, kind), params[name], name, 400)
        return found


def public(document: Document) -> Document:
    """Return a document without the simulator's own fields, which start with an underscore."""
    return {name: value for name, value in document.items() if not name.startswith("_")}


def differences(before: Any, after: Any) -> Document:
    """Return `previous_attributes`: the old values of what changed, nested for hashes, whole for lists."""
    changed: Document = {}
    for name in after:
        old, new = before.get(name), after[name]
        if old == new:
            continue
        changed[name] = differences(old, new) if isinstance(old, dict) and isinstance(new, dict) else old
    return changed | {name: value for name, value in before.items() if name not in after}


def _clock(document: Document) -> str | None:
    clock = document.get("test_clock") or document.get("_clock")
    return document["id"] if document["object"] == "test_helpers.test_clock" else clock


# The lookup column's field for a kind of object, besides customer and subscription.
_LOOKUPS = {
    "credit_note": "invoice",
    "customer": "email",
    "event": "type",
    "price": "lookup_key",
    "refund": "payment_intent",
}


def _columns(document: Document) -> Document:
    lookup = _LOOKUPS.get(document["object"], "")
    parent = (document.get("parent") or {}).get("subscription_details") or {}
    return {
        "customer": document.get("customer"),
        "subscription": document.get("subscription") or parent.get("subscription"),
        "lookup": document.get(lookup),
        "clock": _clock(document) or "",
        "due": due_at(document),
        "created": document.get("created"),
        "status": document.get("status"),
    }


def _show_coupon(account: Account, document: Document, shown: Document) -> Document:
    exhausted = shown["max_redemptions"] is not None and shown["times_redeemed"] >= shown["max_redemptions"]
    expired = shown["redeem_by"] is not None and shown["redeem_by"] <= account.now()
    return shown | {"valid": not (exhausted or expired or document.get("_deleted"))}


def _show_deleted_customer(_account: Account, document: Document, shown: Document) -> Document:
    if document.get("_deleted"):
        return {"id": document["id"], "object": "customer", "deleted": True}
    return shown


def _show_subscription(account: Account, _document: Document, shown: Document) -> Document:
    """Return a subscription whose items show their price's current state, such as its newest metadata."""
    items = [item | {"price": account.peek("price", item["price"]["id"])} for item in shown["items"]["data"]]
    return shown | {"items": shown["items"] | {"data": items}}


_REFINEMENTS: dict[str, Callable[[Account, Document, Document], Document]] = {
    "coupon": _show_coupon,
    "customer": _show_deleted_customer,
    "subscription": _show_subscription,
}
