"""A customer's whole life, from the first offer until all data is deleted, with everything sent and stored."""

import uuid
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from flows.anonymize_feedback import anonymize_feedback
from flows.delete_expired_data import delete_expired_data
from flows.notify_before_deletion import notify_before_deletion
from tests.acceptance.consumer import Consumer, body, consuming
from tests.acceptance.subscribers import Clock, clock, subscriber
from tests.deletion.days import day_after_the_end
from tests.deletion.everywhere import places_that_hold
from tests.deletion.former_customers import swept
from tests.reactivation.people import in_stripe, jobs, reactivate, row_of, title
from tests.webhooks.events import order, settled
from tests.world import Person, World, links

# The Stripe SDK triggers this httpx deprecation warning.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload raw bytes:DeprecationWarning")


class Seen(NamedTuple):
    """The messages to customer and company since the last look, and the current state in Stripe and our tables."""

    emails: list[str]
    published: list[str]
    stripe: str
    row: str
    jobs: list[str]


class Life:
    """One customer, on a Stripe clock that stays in the present until the period ends."""

    def __init__(self, world: World, consumer: Consumer) -> None:
        self.world, self.consumer = world, consumer
        self.clock: Clock = clock(world)
        self.person: Person = subscriber(world, on=self.clock)
        self._read: set[str] = set()

    def seen(self, *, events: int) -> Seen:
        """Return what has changed when so many of Stripe's events have been processed."""
        settled(self.world, self.person, events=events)
        return self.look()

    def look(self) -> Seen:
        """Return what has changed, with emails by their subject without dates."""
        new = [email for email in self.world.emails(self.person) if email["id"] not in self._read]
        self._read |= {email["id"] for email in new}
        emails = [email["subject"].partition(" on ")[0] for email in new]
        published = [body(message)["event"] for message in self.consumer.everything_of(self.person.user_id)]
        rows = self.world.rows("SELECT status FROM subscriptions WHERE id = %s", self.person.subscription_id)
        row = rows[0]["status"] if rows else "gone"
        return Seen(emails, published, self._at_stripe(), row, jobs(self.world, self.person))

    def _at_stripe(self) -> str:
        found = in_stripe(self.world, self.person)
        return "ends" if found.status == "active" and found.cancel_at else str(found.status)

    def in_the_portal(self, action: str, **more: str) -> None:
        order(self.world, "portal", subscription=self.person.subscription_id, action=action, **more)

    def presses_the_emails_button(self) -> None:
        [link] = [links(email)["reactivate"] for email in self.world.emails(self.person)]
        opened = self.world.http.get(link)
        assert title(opened) == "Keep your Professional plan?"
        pressed = self.world.http.post("/reactivate", data={"token": link.partition("token=")[2]})
        assert title(pressed) == "Your Professional plan is active"

    def shown(self) -> dict[str, object]:
        """Return what the customer's dashboard shows."""
        return dict(self.world.http.get("/subscription", headers=self.person.headers).json())

    def period_ends(self) -> None:
        self.clock.advance(int(row_of(self.world, self.person)["cancel_at"].timestamp()) + 60)

    def night(self, day: float) -> Seen:
        """Run the scheduled flows in order, so many days after the end; then again, as after an interrupted run."""
        day_after_the_end(self.world, self.person, day)
        for _ in range(2):
            swept(anonymize_feedback)
            swept(notify_before_deletion)
            swept(delete_expired_data, dry_run=False)
        return self.look()


@pytest.fixture
def life(world: World) -> Iterator[Life]:
    with consuming() as consumer:
        yield Life(world, consumer)


@pytest.mark.slow
def test_a_customers_whole_life(world: World, life: Life) -> None:
    person, marker = life.person, f"marker{uuid.uuid4().hex}"
    email = "Cancellation confirmed: your Professional plan ends"
    leaving = Seen([email], ["subscription.canceled"], "ends", "pending_cancellation", ["scheduled"])
    email = "Welcome back: your Professional plan continues"
    staying = Seen([email], ["subscription.reactivated"], "active", "active", ["cancelled"])

    # They see an offer, decline it and cancel through our API.
    offer = world.http.get("/retention-offer", headers=person.headers).json()
    assert offer["retention_offer"]["description"] == "30% off for 3 months"
    assert world.cancel(person, reason="too_expensive", feedback=f"Too dear, {marker}").status_code == 200
    assert life.seen(events=1) == leaving
    assert str(life.shown()["banner"]).startswith("Cancels on ")

    # They change their mind and press the email's button.
    life.presses_the_emails_button()
    assert life.seen(events=2) == staying

    # They cancel in Stripe's portal, which webhooks report to us, and undo it there.
    life.in_the_portal("cancel", feedback="unused", comment=f"Not for me, {marker}")
    assert life.seen(events=4) == leaving._replace(jobs=["cancelled", "scheduled"])
    life.in_the_portal("undo")
    assert life.seen(events=5) == staying._replace(jobs=["cancelled"] * 2)

    # They cancel for good. The period ends: access ends, the company is notified, and the customer gets no further
    # email.
    assert world.cancel(person, reason="switched_service", feedback=f"To the blue one, {marker}").status_code == 200
    assert life.seen(events=6) == leaving._replace(jobs=["cancelled", "cancelled", "scheduled"])
    assert life.shown()["access"]
    life.period_ends()
    over = Seen([], ["subscription.ended"], "canceled", "canceled", ["cancelled", "cancelled", "scheduled"])
    assert life.seen(events=7) == over
    assert not life.shown()["access"]
    assert reactivate(world, person).status_code == 410
    assert places_that_hold(world, marker) == {"cancelflow.cancellation_reasons", "stripe.subscription"}

    # Nothing is sent until day 76, which brings a notice, and nothing after that.
    silence = over._replace(published=[])
    assert life.night(75.9) == silence
    assert life.night(76) == silence._replace(emails=["We'll delete your data"])
    assert life.night(89.9) == silence

    # Day 90: their data is deleted, with a record as proof, and no notification.
    gone = Seen([], [], "canceled", "gone", ["cancelled", "cancelled", "done"])
    assert life.night(90) == gone
    [record] = world.rows("SELECT * FROM data_deletions WHERE user_id = %s", person.user_id)
    went = {part["table"]: part["rows"] for part in record["removed"]}
    assert {table: went[table] for table in ("users", "offers_shown", "cancellation_requests")} == {
        "users": 1,
        "offers_shown": 1,
        "cancellation_requests": 3,
    }

    # Day 91: nothing is left to do. Their texts are gone; they themselves remain only where the law requires it, and in
    # their own mailbox.
    assert life.night(91) == gone
    assert places_that_hold(world, marker) == set()
    places = {place.partition("/")[0] for place in places_that_hold(world, person.email)}
    assert places == {"stripe.customer", "stripe.invoice", "mail"}
    assert world.http.get("/subscription", headers=person.headers).status_code == 404
    left = {table: rows for table, rows in world.belongings(person.user_id).items() if rows}
    assert set(left) == {"audit_log", "data_retention_jobs", "data_deletions"}
    assert left["data_deletions"] == [record]
    assert [row["outcome"] for row in left["audit_log"]].count("pending_cancellation") == 3
