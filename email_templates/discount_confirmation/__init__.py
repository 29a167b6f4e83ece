"""The email to a customer whose accepted offer we had told as failed, and which Stripe turned out to have applied."""

from dataclasses import dataclass
from datetime import datetime

from email_templates import Email, render
from email_templates.names import greeting_name


@dataclass(frozen=True)
class DiscountConfirmation:
    """What the email says. `asked_at` is aware; `offer` is what was accepted, in the offer's own words."""

    name: str | None
    plan: str
    asked_at: datetime
    offer: str
    locale: str | None
    time_zone: str | None
    company_name: str
    request_id: str

    def email(self) -> Email:
        """Return the email, ready to send."""
        return render("discount_confirmation", **{**vars(self), "name": greeting_name(self.name)})
