"""The email to a customer whose request could not be carried out for hours: a person is looking after it."""

from dataclasses import dataclass
from datetime import datetime

from email_templates import Email, render
from email_templates.names import greeting_name


@dataclass(frozen=True)
class CancellationDelayed:
    """What the email says. `asked_for`: a cancellation, a discount or a reactivation. `asked_at` is aware.

    `ends_at`: when a plan that is to be reactivated ends, as long as that is not done.
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
