"""The email some days before billing resumes after a pause: the date, the charge, and how to cancel."""

from dataclasses import dataclass
from datetime import datetime

from email_templates import Draft, Email, render
from email_templates.names import greeting_name


@dataclass(frozen=True)
class BillingResumes(Draft):
    """The email's data. Datetimes are aware; money is formatted; what is None is omitted.

    `next_charge_at`: Stripe doesn't charge when billing resumes, but at the end of the billing period.
    `keeps_access`: during the pause.
    """

    name: str | None
    plan: str
    resumes_at: datetime
    next_charge: str | None
    next_charge_at: datetime | None
    keeps_access: bool
    cancel_url: str | None
    locale: str | None
    time_zone: str | None
    company_name: str
    request_id: str

    def email(self) -> Email:
        """Return the email, ready to send."""
        return render("billing_resumes", **{**vars(self), "name": greeting_name(self.name)})
