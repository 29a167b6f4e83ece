"""The email to a customer who was told that their reactivation goes on, and then it could not be done."""

from dataclasses import dataclass
from datetime import datetime

from email_templates import Email, render
from email_templates.names import greeting_name


@dataclass(frozen=True)
class ReactivationRefused:
    """What the email says. `asked_at` is aware; `why` is what the API would have answered."""

    name: str | None
    asked_at: datetime
    why: str
    new_subscription_url: str | None
    locale: str | None
    time_zone: str | None
    company_name: str
    request_id: str

    def email(self) -> Email:
        """Return the email, ready to send."""
        return render("reactivation_refused", **{**vars(self), "name": greeting_name(self.name)})
