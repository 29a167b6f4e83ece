"""The promise, as a model of the responses to one customer, checked against the final state."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.faults.topic import Topic
from tests.world import Person, Row, World

DONE = ("pending_cancellation", "canceled", "retained")
# Permitted reasons for a request to have no effect, each true at the time.
GOOD_REASONS = (
    "subscription-already-pending",
    "no-active-subscription",
    "offer-unavailable",
    "request-under-way",
    "key-under-way",
    "key-reused",
    "still-failed",
)
EMAILS = ("cancellation_confirmation", "request_refused", "cancellation_delayed")
EVENT = "subscription.canceled"
CONFIRMED = "Cancellation confirmed"


@dataclass
class Reply:
    """The response to one POST; `status` 0 means none."""

    accept: bool
    key: str | None
    status: int = 0
    request_id: str | None = None
    body: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def by(cls, ask: Callable[[], httpx.Response], *, accept: bool, key: str | None) -> "Reply":
        try:
            response = ask()
        except httpx.TransportError:
            return cls(accept, key)
        found = cls(accept, key, response.status_code, body=json.loads(response.content))
        found.request_id = response.headers.get("Cancellation-Request-Id") or found.body.get("request_id")
        return found


@dataclass
class Customer:
    """One customer, with every response in order."""

    person: Person
    replies: list[Reply] = field(default_factory=list)
    resumed: set[str] = field(default_factory=set)  # by an operator
    undone: int = 0  # cancellations undone in Stripe's portal

    def earlier_with_key(self, which: int) -> Reply | None:
        keyed = [each for each in self.replies if each.key]
        return keyed[which % len(keyed)] if keyed else None


def requests_of(world: World, person: Person) -> list[Row]:
    return world.rows("SELECT * FROM cancellation_requests WHERE user_id = %s ORDER BY received_at", person.user_id)


def is_done(world: World, person: Person) -> bool:
    left = "SELECT id FROM cancellation_requests WHERE user_id = %s AND resume_at IS NOT NULL"
    return not world.rows(left, person.user_id)


def expire_leases(world: World, person: Person) -> None:
    """Let the leases of this person's requests expire."""
    world.admin.execute(
        "UPDATE cancellation_requests SET resume_at = now() WHERE user_id = %s AND resume_at > now()", [person.user_id]
    )


def broken(world: World, customer: Customer, topic: Topic) -> list[str]:
    """Return the violations of the promise for this customer, who has no work left."""
    person = customer.person
    rows = world.belongings(person.user_id)
    requests = {str(row["id"]): row for row in rows["cancellation_requests"]}
    return [
        *_false_replies(customer, requests),
        *_unfinished(requests),
        *_done_twice(world, person, rows, requests),
        *_differs_from_stripe(world, customer, requests),
        *_emails_and_events(world, person, rows, topic),
    ]


def _false_replies(customer: Customer, requests: dict[str, Row]) -> Iterator[str]:
    last: dict[str, Reply] = {each.request_id: each for each in customer.replies if each.request_id}
    for each in customer.replies:
        if each.status in (0, 503) or each.request_id is None:
            continue
        row = requests.get(each.request_id)
        if row is None:
            yield f"the response names request {each.request_id}, which does not exist"
        elif each.status == 200 and (row["outcome"] not in DONE or row["response"] != each.body):
            yield f"responded {each.body}, recorded {row['outcome']} {row['response']}"
        elif each.status == 202 and row["outcome"] == "failed":
            yield f"reported as in progress: {row['id']}, which was given up"
        elif each.status == 500 and last[each.request_id] is each and each.request_id not in customer.resumed:
            only_stripe_did_it = row["outcome"] == "failed" or row["reported_failed"]
            if not only_stripe_did_it:
                yield f"reported as failed: {row['id']}, which continued as {row['outcome']}"
    for status in {each.status for each in customer.replies} - {0, 200, 202, 409, 422, 500, 503, 404}:
        yield f"responded {status}"


def _unfinished(requests: dict[str, Row]) -> Iterator[str]:
    for row in requests.values():
        if row["outcome"] is None:
            yield f"{row['id']} has no outcome"
        if row["outcome"] == "refused":
            why = str(row["response"].get("type")).rpartition(":")[2]
            if why not in GOOD_REASONS:
                yield f"{row['id']} was refused for {why}"


def _done_twice(world: World, person: Person, rows: dict[str, list[Row]], requests: dict[str, Row]) -> Iterator[str]:
    writes = Counter(
        str(write["idempotency_key"]).partition(":")[0]
        for write in world.simulator.requests(path=f"/v1/subscriptions/{person.subscription_id}", method="POST")
        if write["status"] == 200 and not write["replayed"] and write["fault"] != "lie"
    )
    by_request = {
        table: Counter(str(row["request_id"]) for row in rows[table])
        for table in ("cancellation_reasons", "data_retention_jobs", "retention_offers")
    }
    for identifier, row in requests.items():
        done, leaves = row["outcome"] in DONE, row["outcome"] in DONE and not row["accept_offer"]
        if writes[identifier] != int(done):
            yield f"{identifier} ended as {row['outcome']} after {writes[identifier]} changes in Stripe"
        for table, least in (("cancellation_reasons", leaves), ("data_retention_jobs", leaves)):
            if not int(least) <= by_request[table][identifier] <= int(not row["accept_offer"]):
                yield f"{identifier} has {by_request[table][identifier]} {table}"
        if row["accept_offer"] < by_request["retention_offers"][identifier]:
            yield f"{identifier} cancelled and has a discount"
    applied = [row for row in rows["retention_offers"] if row["state"] != "withdrawn"]
    if len(applied) > 1:
        yield f"{len(applied)} offers in six months"


def _differs_from_stripe(world: World, customer: Customer, requests: dict[str, Row]) -> Iterator[str]:
    person = customer.person
    found = world.stripe.subscriptions.retrieve(person.subscription_id)
    retained = sum(1 for row in requests.values() if row["outcome"] == "retained")
    left = sum(1 for row in requests.values() if row["outcome"] == "pending_cancellation")
    if len(found.discounts) != retained or retained > 1:
        yield f"{len(found.discounts)} discounts after {retained} accepted offers"
    if found.cancel_at_period_end != (left > customer.undone) or left - customer.undone not in (0, 1):
        yield f"cancel_at_period_end {found.cancel_at_period_end}: {left} cancelled, {customer.undone} undone"
    world.http.get("/subscription", headers=person.headers)  # heals the row after changes in the portal
    row = world.row("SELECT status, cancel_at FROM subscriptions WHERE id = %s", person.subscription_id)
    if (row["status"] == "pending_cancellation") != found.cancel_at_period_end:
        yield f"our row says {row['status']}, Stripe {found.cancel_at_period_end}"


def _emails_and_events(world: World, person: Person, rows: dict[str, list[Row]], topic: Topic) -> Iterator[str]:
    requests = {row["id"]: row for row in rows["cancellation_requests"]}
    left = {row["id"] for row in requests.values() if row["outcome"] in DONE and not row["accept_offer"]}
    # Others, such as the one about reactivating, belong to no request.
    emails = {each["message_id"]: each["subject"].startswith(CONFIRMED) for each in world.emails(person)}
    events = {str(each["event_id"]) for each in topic.events_of(person.user_id) if each["event"] == EVENT}
    outbox = [row for row in rows["outbox"] if row["kind"] in (*EMAILS, EVENT)]
    due = {f"<{row['id']}@cancelflow>" for row in outbox if row["kind"] in EMAILS}
    sent = {identifier for identifier, confirms in emails.items() if confirms}
    if not due <= emails.keys() or not sent <= due:
        yield f"emails {emails}, not {due}"
    if events != {str(row["id"]) for row in outbox if row["kind"] == EVENT}:
        yield f"events {events}"
    for kind in (EMAILS[0], EVENT):
        about = Counter(row["request_id"] for row in outbox if row["kind"] == kind)
        if about != Counter(left):
            yield f"{kind} for {dict(about)}, not for {left}"
