"""A test's own history, written as the owner: a month without other rows, and its customers."""

import random
import uuid
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from tests.world import Row, World

DONE = ("pending_cancellation", "canceled", "retained")


def unused_month(world: World) -> date:
    """Return a past month with no data yet: audit_log keeps the rows of earlier test runs."""
    while True:
        month = date(random.randint(1975, 2015), random.randint(1, 12), 1)
        reported = world.rows("SELECT 1 FROM report_months WHERE abs(month - %s) < 400", month)
        if not reported and not world.rows("SELECT 1 FROM closed_figures WHERE month = %s", month):
            return month


@dataclass
class History:
    """Writes rows as requests would have left them. Days count from the beginning of the month."""

    world: World
    month: date
    plans: set[str] = field(default_factory=set)

    def at(self, day: float) -> datetime:
        return datetime(self.month.year, self.month.month, 1, tzinfo=UTC) + timedelta(days=day)

    def customer(self, plan: str, *, since: float = -60, user_id: str | None = None, **columns: Any) -> "Customer":
        """Create a customer with a subscription, active unless `columns` say otherwise."""
        known = user_id or str(uuid.uuid4())
        if user_id is None:
            self._insert("users", id=known, email=f"{known}@example.com", name="Robin Doe")
        row = {"status": "active", "created_at": self.at(since)} | columns
        subscription_id = f"sub_{uuid.uuid4().hex}"
        self._insert(
            "subscriptions",
            id=subscription_id,
            user_id=known,
            stripe_customer_id="cus_history",
            plan=plan,
            current_period_start=self.at(since),
            current_period_end=self.at(since + 30),
            **row,
        )
        return Customer(self, known, subscription_id, plan)

    def refused(self, day: float, cause: str, action: str = "cancel_subscription") -> None:
        """Record an attempt that created no request."""
        self.audit(str(uuid.uuid4()), None, None, day, "refused", cause, action)

    def audit(
        self,
        user_id: str,
        request_id: object,
        subscription_id: str | None,
        day: float,
        outcome: str,
        problem: str | None = None,
        action: str = "cancel_subscription",
    ) -> None:
        self._insert(
            "audit_log",
            at=self.at(day),
            user_id=user_id,
            action=action,
            request_id=request_id,
            subscription_id=subscription_id,
            outcome=outcome,
            http_status=200 if problem is None else 409,
            problem=problem,
        )

    def lines(self, figure: str) -> list[Row]:
        """Return the view's lines for this month."""
        return self.world.rows(f"SELECT * FROM report_{figure} WHERE month = %s", self.month)

    def line(self, figure: str, **named: object) -> Row:
        [found] = [line for line in self.lines(figure) if all(line[name] == value for name, value in named.items())]
        return {name: value for name, value in found.items() if name != "month" and name not in named}

    def _insert(self, table: str, **row: Any) -> Row:
        names, places = ", ".join(row), ", ".join(["%s"] * len(row))
        return self.world.row(f"INSERT INTO {table} ({names}) VALUES ({places}) RETURNING *", *row.values())


@dataclass
class Customer:
    """A customer of that month."""

    history: History
    user_id: str
    subscription_id: str
    plan: str

    @property
    def _ids(self) -> Row:
        return {"user_id": self.user_id, "subscription_id": self.subscription_id}

    def shown(self, day: float) -> "Customer":
        at = self.history.at(day)
        self.history._insert("offers_shown", **self._ids, plan=self.plan, shown_on=at.date(), shown_at=at)
        return self

    def accepts(self, day: float, reason: str | None = None) -> "Customer":
        request_id = self._request(day, "retained", accept_offer=True, reason=reason)
        self.history._insert(
            "retention_offers",
            request_id=request_id,
            **self._ids,
            plan=self.plan,
            percent_off=30,
            months=3,
            coupon_id="c",
            state="applied",
            stripe_discount_id="di_history",
            accepted_at=self.history.at(day),
        )
        return self

    def cancels(self, day: float, reason: str, email_after: float | None = 2.0) -> "Customer":
        """Record a cancellation. `email_after`: seconds from the request; None for an unsent email."""
        request_id = self._request(day, "pending_cancellation", accept_offer=False, reason=reason)
        at = self.history.at(day)
        self.history._insert(
            "cancellation_reasons",
            request_id=request_id,
            **self._ids,
            plan=self.plan,
            category=reason,
            feedback="a word of mine",
            created_at=at,
        )
        delivered = None if email_after is None else at + timedelta(seconds=email_after)
        kind = "cancellation_confirmation"
        self.history._insert(
            "outbox", request_id=request_id, user_id=self.user_id, kind=kind, created_at=at, delivered_at=delivered
        )
        return self

    def pays(self, day: float, amount: int, currency: str = "usd") -> "Customer":
        at = self.history.at(day)
        self.history._insert(
            "retained_invoices",
            invoice_id=f"in_{uuid.uuid4().hex}",
            **self._ids,
            currency=currency,
            amount_paid=amount,
            created_at=at,
            paid_at=at,
        )
        return self

    def _request(self, day: float, outcome: str, **columns: Any) -> object:
        at = self.history.at(day)
        made = self.history._insert(
            "cancellation_requests",
            **self._ids,
            asked_user_id=self.user_id,
            received_at=at,
            recovery_point="finished",
            outcome=outcome,
            http_status=200,
            response="{}",
            finished_at=at,
            resume_at=None,
            **columns,
        )
        self.history.audit(self.user_id, made["id"], self.subscription_id, day, outcome)
        return made["id"]
