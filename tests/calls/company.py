"""A company whose vendor calls customers who cancelled, and its customers."""

import asyncio
import base64
import json
import uuid
from collections.abc import Coroutine, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
from prefect.client.schemas.objects import State
from pydantic import SecretStr
from standardwebhooks.webhooks import Webhook

from deployments.migrations import migrate
from deployments.operations.consents import publish
from flows.call_customer import call_customer
from nodes.clients.calls.phone_numbers import read_phone_number
from nodes.node import without_prefect
from nodes.rules.calls.hours import next_call
from nodes.services import open_services, using
from nodes.settings import ServiceSettings, load
from tests.acceptance.trigger import serving
from tests.consents.company import WORDINGS
from tests.faults.own_database import OwnWorld
from tests.hook_receiver import SECRET, Received, Receiver, receiving
from tests.nodes.clients.test_database import new_database, settings
from tests.waiting import eventually
from tests.world import Person, Row, World

OLD_SECRET = "whsec_" + base64.b64encode(b"the-secret-before-the-rotation-1").decode()
MANY_A_DAY = 10_000  # tests share a database
FIELDS = "agentName=Robin,companyName=Example"
NUMBERS = ("+442079460958", "+819012345678", "+14155552671")
# At every time, one of them may be called for so long from now on, and one may not.
MARGIN = timedelta(hours=1)


def in_hours(number: str) -> bool:
    """Return whether the number may be called now and for the next hour."""
    read = read_phone_number(number, None)
    assert read
    now = datetime.now(UTC)
    return next_call(now, read.zones) == now and next_call(now + MARGIN, read.zones) == now + MARGIN


def out_of_hours(number: str) -> bool:
    read = read_phone_number(number, None)
    assert read
    at = next_call(datetime.now(UTC), read.zones)
    return at is not None and at > datetime.now(UTC) + MARGIN


def calls_on(database_url: str, vendor_url: str) -> dict[str, Any]:
    """Return the settings of services with this vendor."""
    return {
        "database_url": SecretStr(database_url),
        "call_webhook_url": vendor_url,
        "call_webhook_secret": SecretStr(SECRET),
        "calls_per_day": MANY_A_DAY,
        "call_script_fields": dict(each.split("=") for each in FIELDS.split(",")),
    }


@dataclass(frozen=True)
class Company:
    """The company's trigger, its database, the vendor, and the settings of its processes."""

    world: World
    http: httpx.Client
    vendor: Receiver
    settings: dict[str, str]

    def customer(self, number: str | None = None) -> Person:
        """Create a customer with this number in Stripe, whose time zone isn't known otherwise."""
        person = self.world.person("professional")
        self.world.admin.execute("UPDATE users SET time_zone = 'UTC' WHERE id = %s", [person.user_id])
        self.number(person, number or next(filter(in_hours, NUMBERS)))
        return person

    def number(self, person: Person, number: str) -> None:
        self.world.stripe.customers.update(self.stripe_customer(person), {"phone": number})

    def stripe_customer(self, person: Person) -> str:
        row = self.world.row("SELECT stripe_customer_id FROM subscriptions WHERE user_id = %s", person.user_id)
        return str(row["stripe_customer_id"])

    def consents(self, person: Person, version: int | None = 2, channel: str = "phone") -> None:
        """Record that the customer accepts calls, or another channel, or doesn't any more."""
        language = self.world.rows(
            "SELECT language FROM consent_wordings WHERE (channel, version) = (%s, %s)", channel, version
        )
        self.world.admin.execute(
            """INSERT INTO consents (user_id, channel, accepted, version, language, source)
            VALUES (%s, %s, %s, %s, %s, 'form')""",
            [person.user_id, channel, version is not None, version, language[0]["language"] if language else None],
        )

    def cancels(self, person: Person) -> Row:
        """Cancel, and return the call's row once it is decided."""
        response = self.http.post(
            "/cancel-subscription",
            json={"user_id": person.user_id, "reason": "prefer_not_to_say"},
            headers=person.headers,
        )
        assert response.status_code == 200, response.text
        eventually(lambda: self.call(person)["state"] != "waiting")
        return self.call(person)

    def leaver(self, number: str | None = None) -> Person:
        """Create a customer who cancelled and agreed to be called, whose call waits for `calls`."""
        person = self.customer(number)
        assert self.cancels(person)["gate"] == "no_consent"
        self.world.admin.execute(
            """UPDATE calls SET state = 'waiting', gate = NULL, due_at = now() + interval '1 day' WHERE user_id = %s""",
            [person.user_id],
        )
        self.consents(person)
        return person

    def call(self, person: Person) -> Row:
        return self.world.row("SELECT * FROM calls WHERE user_id = %s", person.user_id)

    def calls(self, person: Person, **changed: Any) -> Row:
        """Run `call-customer` in this process; return the call's row. `changed`: settings.

        One that still waits is put off afterwards, so that the trigger doesn't send it in the middle of a test.
        """
        self.run(call_customer.fn(self.id_of(person)), **changed)
        call = self.call(person)
        self.world.admin.execute(
            "UPDATE calls SET due_at = due_at + interval '1 day' WHERE user_id = %s AND state = 'waiting'",
            [person.user_id],
        )
        return call

    def run(self, flow: Coroutine[Any, Any, State[None]], **changed: Any) -> State[None]:
        own = {**calls_on(self.world.addresses["database_url"], self.vendor.url), "consent_min_version": {"phone": 2}}

        async def scenario() -> State[None]:
            async with open_services(load(ServiceSettings).model_copy(update=own | changed)) as available:
                with using(available), without_prefect():
                    return await flow

        return asyncio.run(scenario())

    def called(self) -> Person:
        """Create a customer whose call the vendor has."""
        person = self.leaver()
        assert self.calls(person)["state"] == "placed"
        return person

    def report(
        self,
        secret: str = SECRET,
        age: timedelta = timedelta(0),
        kind: str = "calls.result",
        http: httpx.Client | None = None,
        **data: Any,
    ) -> httpx.Response:
        """Send a result, signed as the vendor signs it. `http`: to another trigger."""
        return self.send(json.dumps({"type": kind, "data": data}), secret, age, http)

    def send(
        self, body: str, secret: str = SECRET, age: timedelta = timedelta(0), http: httpx.Client | None = None
    ) -> httpx.Response:
        hook_id, at = f"msg_{uuid.uuid4().hex}", datetime.now(UTC) - age
        headers = {
            "content-type": "application/json",
            "webhook-id": hook_id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": Webhook(secret).sign(hook_id, at, body),
        }
        return (http or self.http).post("/webhooks/calls", content=body.encode(), headers=headers)

    def reported(self, person: Person, **columns: Any) -> None:
        """Store a result as if it had come, which nobody routes but the test."""
        given = {"status": "completed", **columns}
        self.world.admin.execute(
            f"""UPDATE calls SET received_at = now(), route_at = now() + interval '1 day',
                {", ".join(f"{name} = %({name})s" for name in given)} WHERE user_id = %(user_id)s""".encode(),
            {**given, "user_id": person.user_id},
        )

    def routed(self, person: Person, **data: Any) -> Row:
        """Report a completed call, and return its row once the result was acted on."""
        named = {"webhookId": str(self.id_of(person)), "callId": f"call_{person.user_id}"}
        result: dict[str, Any] = {"status": "completed", **named, **data}
        response = self.report(**result)
        assert (response.status_code, response.json()) == (200, {"received": True})
        eventually(lambda: self.call(person)["route_at"] is None)
        return self.call(person)

    def tasks(self, person: Person) -> dict[str, list[str | None]]:
        """Return what was said with each task, by kind, in alphabetical order."""
        rows = self.world.rows("SELECT kind, said FROM tasks WHERE user_id = %s ORDER BY said", person.user_id)
        return {kind: [row["said"] for row in rows if row["kind"] == kind] for kind in {row["kind"] for row in rows}}

    def agrees(self, person: Person) -> bool | None:
        """Return whether the newest entry of the ledger accepts calls."""
        rows = self.world.rows(
            "SELECT accepted FROM current_consents WHERE user_id = %s AND channel = 'phone'", person.user_id
        )
        return rows[0]["accepted"] if rows else None

    def heard(self, person: Person) -> list[Received]:
        """Return what the vendor was sent about the customer's call and accepted, in order."""
        return [each for each in self.vendor.accepted if each.id == str(self.call(person)["id"])]

    def audited(self, person: Person) -> list[tuple[str, str | None]]:
        rows = self.world.rows(
            "SELECT outcome, problem FROM audit_log WHERE user_id = %s AND action = 'call_customer' ORDER BY id",
            person.user_id,
        )
        return [(row["outcome"], row["problem"]) for row in rows]

    def id_of(self, person: Person) -> UUID:
        found: UUID = self.call(person)["id"]
        return found


@contextmanager
def calling(world: World, directory: Path) -> Iterator[Company]:
    """Run the company's trigger with its wordings published, on a database of its own."""
    file = directory / "consents.yaml"
    file.write_text(WORDINGS, encoding="utf-8")
    with new_database(world.addresses["database_admin_url"]) as url, receiving() as vendor:
        migrate(settings(url))
        publish(settings(url), file)
        own = {
            "DATABASE_URL": url,
            "DATABASE_ADMIN_URL": url,
            "CONSENT_MIN_VERSION": "phone=2",
            "CALL_WEBHOOK_URL": vendor.url,
            "CALL_WEBHOOK_SECRET": SECRET,
            "CALLS_PER_DAY": str(MANY_A_DAY),
            "CALL_RESULT_SECRETS": f"{OLD_SECRET}, {SECRET}",
            "CALL_SCRIPT_FIELDS": FIELDS,
        }
        with closing(OwnWorld(world, own)) as seen, serving(directory, **own) as http:
            yield Company(seen, http, vendor, own)
