"""The email of step 8B: the cancelled plan, the end of access and of data retention, and how to reactivate."""

from dataclasses import dataclass
from datetime import datetime

from email_templates import Draft, Email, render
from email_templates.names import greeting_name


@dataclass(frozen=True)
class CancellationConfirmation(Draft):
    """The email's data. Datetimes are aware; URLs are absolute; a section whose URL is None is omitted.

    `asked_at`: when the customer's request was received, which a receipt must name in Germany (FEATURES G03).
    `access_ended_at`: access ended then, although the subscription ends later. `refund`: the amount as text, or None.
    `ended_by_policy`: the plan's policy ended it immediately, rather than because a period wasn't paid.
    `ended_now`: the subscription has ended, at `ends_at`; access is over, and `reactivate_url` is the URL for a new
    subscription or None.
    `unpaid`: an invoice is still open (WF-025); `due_at`: its due date, if it was sent with payment terms.
    `plan_change_dropped`: a scheduled change was released (WF-021).
    `reported_failed`: the API had responded that it failed. `renewal_undone`: it renewed before we could cancel, and
    that charge was refunded. `invoices_voided`: nothing was paid for the current period, and its invoice was voided.
    """

    name: str | None
    plan: str
    asked_at: datetime
    ends_at: datetime
    ended_now: bool
    access_ended_at: datetime | None
    ended_by_policy: bool
    refund: str | None
    data_retention_until: datetime
    locale: str | None
    time_zone: str | None
    reactivate_url: str | None
    feedback_url: str
    export_url: str | None
    payment_url: str | None
    unpaid: bool
    due_at: datetime | None
    plan_change_dropped: bool
    reported_failed: bool
    renewal_undone: bool
    invoices_voided: bool
    company_name: str
    request_id: str

    def email(self) -> Email:
        """Return the email, ready to send."""
        return render("cancellation_confirmation", **{**vars(self), "name": greeting_name(self.name)})
