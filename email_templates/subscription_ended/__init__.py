"""The email to a customer whose subscription ended without their request: why, and how to pay and come back."""

from dataclasses import dataclass
from datetime import datetime

from email_templates import Draft, Email, render
from email_templates.names import greeting_name


@dataclass(frozen=True)
class SubscriptionEnded(Draft):
    """The email's data. Datetimes are aware; a section whose URL is None is omitted.

    `kind`: payment_failed, payment_disputed, or neutral if the reason is unknown. The email never asks why the customer
    left, because they didn't. `invoice_url`: Stripe's page of an open invoice, used before the company's `payment_url`.
    """

    name: str | None
    plan: str
    kind: str
    ended_at: datetime
    data_kept_until: datetime | None
    invoice_url: str | None
    payment_url: str | None
    new_subscription_url: str | None
    export_url: str | None
    locale: str | None
    time_zone: str | None
    company_name: str
    request_id: str

    def email(self) -> Email:
        """Return the email, ready to send."""
        return render("subscription_ended", **{**vars(self), "name": greeting_name(self.name)})
