"""The email that confirms a reactivation, with the date on which the plan renews."""

from dataclasses import dataclass
from datetime import datetime

from email_templates import Draft, Email, render
from email_templates.names import greeting_name


@dataclass(frozen=True)
class ReactivationConfirmation(Draft):
    """The email's data. `renews_at` is aware; `unpaid`: an invoice is still open (WF-025).

    `reported_failed`: the API had responded that it failed.
    """

    name: str | None
    plan: str
    renews_at: datetime
    reported_failed: bool
    unpaid: bool
    payment_url: str | None
    locale: str | None
    time_zone: str | None
    company_name: str
    request_id: str

    def email(self) -> Email:
        """Return the email, ready to send."""
        return render("reactivation_confirmation", **{**vars(self), "name": greeting_name(self.name)})
