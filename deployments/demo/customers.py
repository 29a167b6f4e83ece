"""Creates the demo customers, in Stripe through its public API only, so that it works on a real test account too."""

import time
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import psycopg
import stripe
from stripe.params import CustomerCreateParams, SubscriptionCreateParams

from deployments.demo.boundary import our_errors
from deployments.demo.cases import CASES, Case
from deployments.demo.catalog import Catalog
from nodes.errors import CancelflowError
from nodes.rules.statuses import local_status
from nodes.settings import SeedSettings
from sql import QUERIES

# Test cards of Stripe's test mode.
GOOD_CARD = "pm_card_visa"
FAILING_CARD = "pm_card_chargeCustomerFail"
MONTH_AND_A_DAY = 32 * 24 * 3600
CLOCK_TIMEOUT_SECONDS = 120


class LiveKeyRefused(CancelflowError):
    """The key is a live one, and demo customers must not be created among real ones."""


class ClockTooSlow(CancelflowError):
    """Stripe did not advance a test clock in time."""


@dataclass(frozen=True)
class DemoCustomer:
    """A demo customer in Stripe and in the database."""

    case: str
    user_id: str
    email: str
    subscription_ids: list[str]

    def as_json(self) -> dict[str, Any]:
        """Return the customer as a dict for `cancelflow seed --json`."""
        return asdict(self)


def seed(
    settings: SeedSettings, progress: Callable[[str], None], cases: tuple[Case, ...] = CASES
) -> list[DemoCustomer]:
    """Create a customer for each case, in Stripe and in the database. Raises `LiveKeyRefused` and `PartFailed`."""
    key = settings.stripe_api_key.get_secret_value()
    if "_live_" in key:
        raise LiveKeyRefused("STRIPE_API_KEY is a live key; demo customers are made with a test key only")
    client = stripe.StripeClient(
        key,
        base_addresses={"api": settings.stripe_api_base} if settings.stripe_api_base else {},
        max_network_retries=2,
    )
    seeder = _Seeder(client)
    customers = []
    with our_errors(), psycopg.connect(settings.admin_url, connect_timeout=5) as connection:
        for case in cases:
            progress(f"creating {case.name}")
            customers.append(seeder.make(case, connection))
            connection.commit()
    return customers


class _Seeder:
    def __init__(self, client: stripe.StripeClient) -> None:
        self._stripe = client.v1
        self._catalog = Catalog(client)

    def make(self, case: Case, connection: psycopg.Connection[Any]) -> DemoCustomer:
        user_id = str(uuid.uuid4())
        email = f"{case.name}-{user_id[:8]}@example.com"
        clock = self._clock_in_the_past() if case.twist == "failed_payment" else None
        customer_id = self._customer(case, user_id, email, clock)
        connection.execute(
            QUERIES["seed_user"],
            {
                "id": user_id,
                "email": email,
                "name": case.customer_name,
                "locale": case.locale,
                "time_zone": case.time_zone,
                "country": case.country,
                "stripe_customer_id": customer_id,
            },
        )
        subscription_ids = []
        for plan in case.plans:
            made = self._twisted(self._subscription(case, plan, customer_id), case, customer_id, clock)
            connection.execute(QUERIES["seed_subscription"], _row(made, user_id, plan, case))
            subscription_ids.append(made.id)
        return DemoCustomer(case.name, user_id, email, subscription_ids)

    def _customer(self, case: Case, user_id: str, email: str, clock: str | None) -> str:
        wanted: CustomerCreateParams = {
            "email": email,
            "name": case.customer_name,
            "metadata": {"user_id": user_id},
            "payment_method": GOOD_CARD,
            "invoice_settings": {"default_payment_method": GOOD_CARD},
        }
        if clock:
            wanted["test_clock"] = clock
        return self._stripe.customers.create(wanted).id

    def _subscription(self, case: Case, plan: str, customer_id: str) -> stripe.Subscription:
        wanted: SubscriptionCreateParams = {
            "customer": customer_id,
            "items": [{"price": self._catalog.price(plan, case.interval)}],
        }
        if case.twist == "trial":
            wanted["trial_period_days"] = 14
        if case.twist == "other_discount":
            wanted["discounts"] = [{"coupon": self._catalog.loyalty_coupon()}]
        # Set on creation, so that no webhook reports it: these represent cancellations from before cancelflow.
        if case.twist == "pending_here_and_there":
            wanted["cancel_at_period_end"] = True
        if case.twist == "pending_in_stripe":
            wanted["cancel_at"] = "max_period_end"  # as Stripe's portal does with flexible billing: only the date
        return self._stripe.subscriptions.create(wanted)

    def _twisted(
        self, made: stripe.Subscription, case: Case, customer_id: str, clock: str | None
    ) -> stripe.Subscription:
        match case.twist:
            case "schedule":
                self._stripe.subscription_schedules.create({"from_subscription": made.id})
            case "failed_payment" if clock:
                card = self._stripe.payment_methods.attach(FAILING_CARD, {"customer": customer_id})
                self._stripe.customers.update(customer_id, {"invoice_settings": {"default_payment_method": card.id}})
                self._advance(clock, made.items.data[0].current_period_end + 3 * 3600)
        return self._stripe.subscriptions.retrieve(made.id)

    def _clock_in_the_past(self) -> str:
        began = int(time.time()) - MONTH_AND_A_DAY
        return self._stripe.test_helpers.test_clocks.create({"frozen_time": began, "name": "cancelflow past due"}).id

    def _advance(self, clock: str, until: int) -> None:
        """Advance to the failed renewal: Stripe charges a draft invoice an hour after creating it."""
        self._stripe.test_helpers.test_clocks.advance(clock, {"frozen_time": until})
        deadline = time.monotonic() + CLOCK_TIMEOUT_SECONDS
        while self._stripe.test_helpers.test_clocks.retrieve(clock).status != "ready":
            if time.monotonic() > deadline:
                raise ClockTooSlow(f"test clock {clock} is still advancing after {CLOCK_TIMEOUT_SECONDS} s")
            time.sleep(0.5)


def _row(made: stripe.Subscription, user_id: str, plan: str, case: Case) -> dict[str, object]:
    unseen = case.twist == "pending_in_stripe"  # cancelled in the portal, without a webhook
    cancel_at = None if unseen else made.cancel_at
    return {
        "id": made.id,
        "user_id": user_id,
        "stripe_customer_id": made.customer,
        "plan": plan,
        "status": local_status(made.status, pending=cancel_at is not None),
        "current_period_start": made.items.data[0].current_period_start,
        "current_period_end": made.items.data[0].current_period_end,
        "cancel_at": cancel_at,
    }
