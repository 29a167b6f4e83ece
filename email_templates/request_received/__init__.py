"""The email that confirms the receipt of a request that our team completes by hand in Stripe (FEATURES U10)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from email_templates import Draft, Email, render
from email_templates.names import greeting_name


@dataclass(frozen=True)
class RequestReceived(Draft):
    """The email's data. `asked_at` is aware, and counts. The email never says that anything was done yet."""

    name: str | None
    plan: str
    asked_for: Literal["cancellation", "reactivation"]
    asked_at: datetime
    locale: str | None
    time_zone: str | None
    company_name: str
    request_id: str

    def email(self) -> Email:
        """Return the email, ready to send."""
        return render("request_received", **{**vars(self), "name": greeting_name(self.name)})
