"""The email to a customer whose discount was reported as failed, but was applied by Stripe."""

from dataclasses import dataclass
from datetime import datetime

from email_templates import Draft, Email, render
from email_templates.names import greeting_name


@dataclass(frozen=True)
class DiscountConfirmation(Draft):
    """The email's data. `asked_at` is aware; `offer` is the accepted offer's description."""

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
