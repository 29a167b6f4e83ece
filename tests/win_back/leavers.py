"""Customers who left a company that asks for consent, tagged with what they missed, and the emails about its fix."""

import uuid
from dataclasses import dataclass

from deployments.operations.feedback_tags import put
from deployments.operations.fixes import ship
from flows.win_back import win_back
from nodes.settings import DatabaseSettings, load
from tests.acceptance.subscribers import subscriber
from tests.consents.company import Company
from tests.deletion.former_customers import swept
from tests.world import Person, Row

NOTES = {"en": "You can now sign in with SSO."}
SUBJECT = "What you were missing in Professional"


@dataclass(frozen=True)
class Fix:
    """A fix of this test's own, by its tag."""

    company: Company
    tag: str

    def leaver(self, *, consent: int | None = 2) -> Person:
        """Create a customer who cancelled and is tagged. `consent`: to this wording of marketing emails."""
        company, person = self.company, subscriber(self.company.world)
        body = {"user_id": person.user_id, "reason": "missing_features"}
        with company.world.simulator.losing_webhooks():  # or the stack would handle them, too
            assert company.http.post("/cancel-subscription", json=body, headers=person.headers).status_code == 200
        company.world.tried(person)
        if consent:
            company.accepts(person.user_id, "email_marketing", consent)
        self.tagged(person)
        return person

    def tagged(self, person: Person) -> None:
        put(load(DatabaseSettings), uuid.UUID(str(self.request(person)["id"])), self.tag, "operator")

    def request(self, person: Person) -> Row:
        return self.company.world.row("SELECT * FROM cancellation_requests WHERE user_id = %s", person.user_id)

    def ship(self, **notes: str) -> str | None:
        """Ship it, and return what the run says."""
        ship(load(DatabaseSettings), self.tag, notes or NOTES)
        return self.run()

    def run(self, *, dry_run: bool = False) -> str | None:
        return swept(win_back, tag=self.tag, dry_run=dry_run).message

    def outcome(self, person: Person) -> str | None:
        """Return what became of the customer; fails for one who was not added."""
        of = self.company.world.row(
            "SELECT outcome FROM win_backs WHERE tag = %s AND user_id = %s", self.tag, person.user_id
        )
        found: str | None = of["outcome"]
        return found

    def emails(self, person: Person) -> list[Row]:
        """Return the emails about it, by Message-ID: one that a killed run sent again is a duplicate for mailboxes."""
        found = {email["message_id"]: email for email in self.company.world.emails(person)}
        return [email for email in found.values() if NOTES["en"] in " ".join(email["text"].split())]
