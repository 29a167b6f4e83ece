"""The email to a customer whose subscription ended without their asking: why, and the way to pay and come back."""

from dataclasses import dataclass
from datetime import datetime

from email_templates import Email, render
from email_templates.names import greeting_name


@dataclass(frozen=True)
class SubscriptionEnded:
    """What the email says. Moments are aware; a part whose URL is None is left out.

    `kind`: payment_failed, payment_disputed, or neutral where we do not know more. It never asks why they left: they
    did not. `invoice_url`: Stripe's page of what is still open, which comes before `payment_url`, the company's own.
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
