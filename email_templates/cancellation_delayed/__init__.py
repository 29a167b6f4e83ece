"""The email to a customer whose request has failed for hours and now waits for an operator."""

from dataclasses import dataclass
from datetime import datetime

from email_templates import Draft, Email, render
from email_templates.names import greeting_name


@dataclass(frozen=True)
class CancellationDelayed(Draft):
    """The email's data. `asked_for`: cancellation, discount, reactivation or change. `asked_at` is aware.

    `ends_at`: when the plan ends unless it is reactivated.
    """

    name: str | None
    asked_at: datetime
    asked_for: str
    ends_at: datetime | None
    locale: str | None
    time_zone: str | None
    company_name: str
    request_id: str

    def email(self) -> Email:
        """Return the email, ready to send."""
        return render("cancellation_delayed", **{**vars(self), "name": greeting_name(self.name)})
