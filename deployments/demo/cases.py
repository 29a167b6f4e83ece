"""The demo customers: one for each case that the flow distinguishes."""

from dataclasses import dataclass
from typing import Literal

Interval = Literal["month", "year"]
# What distinguishes the subscription from the plain case.
Twist = Literal["pending_here_and_there", "pending_in_stripe", "schedule", "failed_payment", "trial", "other_discount"]


@dataclass(frozen=True)
class Case:
    """A demo customer: plans (none, one or several), `twist` on the plain case, name and locale."""

    name: str
    plans: tuple[str, ...] = ("professional",)
    interval: Interval = "month"
    twist: Twist | None = None
    customer_name: str = "Robin Doe"
    locale: str = "en_US"
    time_zone: str = "UTC"
    country: str = "US"


CASES = (
    Case("starter", plans=("starter",)),
    Case("professional"),
    Case("enterprise", plans=("enterprise",)),
    Case("already_pending", twist="pending_here_and_there"),
    Case("pending_in_stripe_only", twist="pending_in_stripe"),
    Case("no_subscription", plans=()),
    Case("two_subscriptions", plans=("professional", "starter")),
    Case("schedule_managed", twist="schedule"),
    Case("past_due", twist="failed_payment"),
    Case("trialing", twist="trial"),
    Case("yearly", interval="year"),
    Case("already_discounted", twist="other_discount"),
    Case("other_locale", customer_name="Jürgen Groß", locale="de_DE", time_zone="Pacific/Auckland", country="DE"),
)

# Minor units of USD a month; a year costs ten months.
MONTHLY_PRICES = {"starter": 1900, "professional": 4900, "enterprise": 19900}
CURRENCY = "usd"
