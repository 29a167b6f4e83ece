"""The email to a customer whose request was accepted by the API, but could not be carried out."""

from dataclasses import dataclass
from datetime import datetime

from email_templates import Draft, Email, render
from email_templates.names import greeting_name


@dataclass(frozen=True)
class RequestRefused(Draft):
    """The email's data. `asked_at` is aware; `why` is the API's text for the refusal.

    `asked_for`: cancellation, discount or change.
    """

    name: str | None
    asked_at: datetime
    asked_for: str
    why: str
    locale: str | None
    time_zone: str | None
    company_name: str
    request_id: str

    def email(self) -> Email:
        """Return the email, ready to send."""
        return render("request_refused", **{**vars(self), "name": greeting_name(self.name)})
