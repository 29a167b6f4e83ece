"""An account in a separate simulator, and the database into which it is imported."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import psycopg
import stripe
from psycopg.rows import dict_row
from pydantic import SecretStr
from rich.console import Console

from deployments.demo.catalog import Catalog
from deployments.migrations import migrate
from deployments.operations.imports import import_from_stripe
from nodes.settings import DatabaseSettings, ImportSettings
from tests.contract.stripe.process import KEY, Simulator
from tests.nodes.clients.test_database import new_database
from tests.world import Row


@dataclass
class Account:
    """An account in Stripe, and our tables."""

    simulator: Simulator
    database: str
    connection: psycopg.Connection[Row]

    @property
    def api(self) -> Any:
        """Return Stripe's API, untyped: each test passes what its customer needs."""
        return self.simulator.client.v1

    def price(self, plan: str = "professional") -> str:
        return Catalog(self.simulator.client).price(plan, "month")

    def customer(self, **given: Any) -> stripe.Customer:
        made: stripe.Customer = self.api.customers.create({"payment_method": "pm_card_visa", **given})
        card = {
            "invoice_settings": {"default_payment_method": self.api.customers.payment_methods.list(made.id).data[0].id}
        }
        self.api.customers.update(made.id, card)
        return made

    def subscription(self, customer: stripe.Customer, price: str | None = None, **given: Any) -> stripe.Subscription:
        items = [{"price": price or self.price()}]
        made: stripe.Subscription = self.api.subscriptions.create({"customer": customer.id, "items": items, **given})
        return made

    def fill(self, count: int) -> None:
        self.simulator.order("fill", count=count, subscription={"items": [{"price": self.price()}]})

    def settings(self, **given: Any) -> ImportSettings:
        database = SecretStr(self.database)
        return ImportSettings(
            database_url=database,
            database_admin_url=database,
            stripe_api_key=SecretStr(KEY),
            stripe_api_base=self.simulator.url,
            **given,
        )

    def imported(self, *, from_start: bool = False, **given: Any) -> str:
        """Import everything, and return the output."""
        printed = StringIO()
        import_from_stripe(self.settings(**given), Console(file=printed, width=200), from_start=from_start)
        return printed.getvalue()

    def rows(self, query: str, *parameters: object) -> list[Row]:
        return self.connection.execute(query.encode(), parameters).fetchall()

    def row(self, query: str, *parameters: object) -> Row:
        [found] = self.rows(query, *parameters)
        return found

    def owner(self, subscription: stripe.Subscription) -> str:
        return str(self.row("SELECT user_id FROM subscriptions WHERE id = %s", subscription.id)["user_id"])

    def everything(self) -> list[list[Row]]:
        tables = ("users", "subscriptions", "subscription_ends", "outbox", "import_progress")
        return [self.rows(f"SELECT * FROM {table} t ORDER BY t::text") for table in tables]

    def pages(self, since: int = 0) -> list[dict[str, Any]]:
        """Return the lists requested after a number of calls."""
        calls = self.simulator.http.get("/_simulator/requests", params={"method": "GET"}).json()["requests"][since:]
        return [call for call in calls if call["path"] in ("/v1/customers", "/v1/subscriptions")]


@contextmanager
def account_at(path: Path, admin_url: str) -> Iterator[Account]:
    """Yield an empty account with an empty database on the stack's server."""
    simulator = Simulator(path / "state.sqlite3")
    try:
        simulator.start()
        with new_database(admin_url) as database:
            migrate(DatabaseSettings(database_url=SecretStr(database), database_admin_url=SecretStr(database)))
            with psycopg.connect(database, autocommit=True, row_factory=dict_row) as connection:
                yield Account(simulator, database, connection)
    finally:
        simulator.close()
