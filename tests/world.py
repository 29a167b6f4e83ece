"""The running stack as tests see it: each part through its public interface, and new demo customers."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import psycopg
import stripe
from psycopg.rows import dict_row

from deployments.demo.cases import CASES, Case
from deployments.demo.customers import DemoCustomer, seed
from deployments.demo.events import Listener, listening
from deployments.tokens import token
from nodes.settings import EventSettings, IdentitySettings, SeedSettings, load
from tests.waiting import eventually

Row = dict[str, Any]


class Simulator:
    """The Stripe simulator's control API."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=f"{url}/_simulator", timeout=60)

    def requests(self, *, method: str | None = None, contains: str | None = None, path: str | None = None) -> list[Row]:
        """Return the calls to Stripe, in order."""
        wanted = {"method": method, "contains": contains, "path": path}
        found: list[Row] = self._http.get(
            "/requests", params={k: v for k, v in wanted.items() if v is not None}
        ).json()["requests"]
        return found

    def writes(self, contains: str) -> list[Row]:
        """Return every write that mentions this id; a preview of an invoice writes nothing."""
        found = [r for r in self.requests(contains=contains) if r["method"] != "GET"]
        return [r for r in found if r["path"] != "/v1/invoices/create_preview"]

    @contextmanager
    def fault(self, **fault: Any) -> Iterator[Callable[[], int]]:
        """Inject a fault for the block; `contains` limits it to one customer's subscription.

        Yields a function that returns how many calls it has affected.
        """
        made = self._http.post("/faults", json=fault)
        assert made.status_code < 300, made.text
        identifier = made.json()["id"]

        def hits() -> int:
            found: list[Row] = self._http.get("/faults").json()["faults"]
            return int(next(each["hits"] for each in found if each["id"] == identifier))

        try:
            yield hits
        finally:
            self._http.delete("/faults", params={"id": identifier})

    def portal(self, subscription_id: str, action: str, **more: Any) -> None:
        """Do what a customer does in Stripe's portal: cancel, undo, reason or accept_retention_coupon."""
        done = self._http.post("/portal", json={"subscription": subscription_id, "action": action, **more})
        assert done.status_code < 300, done.text

    @contextmanager
    def losing_webhooks(self) -> Iterator[None]:
        """Deliver no webhooks for what happens inside the block."""
        self._http.post("/webhooks", json={"paused": True})
        try:
            yield
        finally:
            self._http.delete("/webhooks")
            self._http.post("/webhooks", json={"paused": False})

    def close(self) -> None:
        self._http.close()


@dataclass(frozen=True)
class Person:
    """A demo customer with their token."""

    case: str
    user_id: str
    email: str
    subscription_ids: list[str]
    headers: dict[str, str]

    @property
    def subscription_id(self) -> str:
        return self.subscription_ids[0]


class World:
    """The stack, seen from outside."""

    def __init__(self, addresses: Row) -> None:
        self.addresses = addresses
        self.http = httpx.Client(base_url=addresses["http"], timeout=60)
        self.prefect = httpx.Client(base_url=addresses["prefect_api"], timeout=60)
        self.inbox = httpx.Client(base_url=addresses["inbox"], timeout=60)
        self.simulator = Simulator(addresses["stripe"])
        self.stripe_client = stripe.StripeClient(
            addresses["stripe_api_key"],
            base_addresses={"api": addresses["stripe"]},
            max_network_retries=2,  # an idle connection can end just when it is used again
        )
        self.stripe = self.stripe_client.v1
        self.admin: psycopg.Connection[Row] = psycopg.connect(
            addresses["database_admin_url"], autocommit=True, row_factory=dict_row
        )

    def close(self) -> None:
        for client in (self.http, self.prefect, self.inbox, self.simulator, self.admin):
            client.close()

    def person(self, case: str) -> Person:
        """Create a customer of a demo case."""
        [wanted] = [each for each in CASES if each.name == case]
        return self.made(wanted)

    def made(self, case: Case) -> Person:
        """Create a customer of a given case."""
        [made] = seed(load(SeedSettings), progress=lambda _: None, cases=(case,))
        return self.known(made)

    def known(self, customer: DemoCustomer) -> Person:
        headers = self.headers(customer.user_id)
        return Person(customer.case, customer.user_id, customer.email, customer.subscription_ids, headers)

    def headers(self, user_id: str, lifetime: timedelta = timedelta(hours=1)) -> dict[str, str]:
        return {"Authorization": f"Bearer {token(load(IdentitySettings), user_id, lifetime)}"}

    def post(self, person: Person, **body: Any) -> httpx.Response:
        """Send POST /cancel-subscription as this person; `user_id` is theirs unless given."""
        return self.http.post("/cancel-subscription", json={"user_id": person.user_id, **body}, headers=person.headers)

    def cancel(self, person: Person, **body: Any) -> httpx.Response:
        return self.post(person, **{"reason": "too_expensive", **body})

    def accept(self, person: Person, **body: Any) -> httpx.Response:
        return self.post(person, accept_offer=True, **body)

    def rows(self, query: str, *parameters: object) -> list[Row]:
        """Query as the owner, who sees all rows."""
        return self.admin.execute(query.encode(), parameters).fetchall()

    def row(self, query: str, *parameters: object) -> Row:
        [found] = self.rows(query, *parameters)
        return found

    @contextmanager
    def as_application(self, user_id: str | None) -> Iterator[psycopg.Connection[Row]]:
        """Connect with the application's role, for this user."""
        with psycopg.connect(self.addresses["database_url"], row_factory=dict_row) as connection:
            if user_id:
                connection.execute("SELECT set_config('app.user_id', %s, true)", [user_id])
            yield connection

    def emails(self, person: Person) -> list[Row]:
        """Return this person's emails, each with its text, html and headers.

        Waits until each email and event that is due has been tried, because a response does not wait for them.
        """
        self.tried(person)
        found = self.inbox.get("/messages.json", params={"to": person.email}).json()
        return [self.inbox.get(f"/messages/{email['id']}.json").json() for email in found]

    def tried(self, person: Person) -> None:
        """Wait until every email and event that is due has been tried once."""
        untried = "SELECT id FROM outbox WHERE user_id = %s AND delivered_at IS NULL AND attempts = 0 AND NOT refused"
        eventually(lambda: not self.rows(untried, person.user_id), within=300)

    @contextmanager
    def listening(self) -> Iterator[Listener]:
        """Yield a listener for events published from now on."""
        with listening(load(EventSettings)) as listener:
            yield listener

    def belongings(self, user_id: str) -> dict[str, list[Row]]:
        """Return every row of this user by table, to show that nothing has changed."""
        tables = self.rows(
            """SELECT table_name AS name, CASE table_name WHEN 'users' THEN 'id' ELSE 'user_id' END AS owner
            FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
            WHERE table_schema = 'public' AND table_type = 'BASE TABLE'
                AND (column_name = 'user_id' OR table_name = 'users') GROUP BY 1 ORDER BY 1"""
        )
        return {
            table["name"]: self.rows(
                f"SELECT * FROM {table['name']} t WHERE {table['owner']} = %s ORDER BY t::text", user_id
            )
            for table in tables
        }

    def request_id(self, response: httpx.Response) -> str:
        """Return the request id from the response header."""
        return response.headers["Cancellation-Request-Id"]

    def run_of(self, response: httpx.Response) -> Row:
        """Return the ended Prefect flow run of a request; the response does not wait for its end."""
        request = self.row("SELECT flow_run_id FROM cancellation_requests WHERE id = %s", self.request_id(response))

        def ended() -> Row | None:
            found: Row = self.prefect.get(f"/flow_runs/{request['flow_run_id']}").json()
            return found if found["state_type"] in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED") else None

        run = eventually(ended)
        assert run is not None
        return run


def links(email: Row) -> dict[str, str]:
    """Return the links in an email by the first part of their path."""
    return {match[2]: match[1] for match in re.finditer(r'href="(https?://[^/"]+/(\w+)[^"]*)"', email["html"])}
