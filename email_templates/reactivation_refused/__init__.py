"""The email to a customer whose reactivation was accepted by the API, but could not be carried out."""

from dataclasses import dataclass
from datetime import datetime

from email_templates import Draft, Email, render
from email_templates.names import greeting_name


@dataclass(frozen=True)
class ReactivationRefused(Draft):
    """The email's data. `asked_at` is aware; `why` is the API's text for the refusal."""

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
