"""The email of step 8B: what was cancelled, until when it works, how long the data stays, and the way back."""

from dataclasses import dataclass
from datetime import datetime

from email_templates import Email, render
from email_templates.names import greeting_name


@dataclass(frozen=True)
class CancellationConfirmation:
    """What the email says. Moments are aware; URLs are complete; a part whose URL is None is left out.

    `ended_now`: the subscription is over already and `ends_at` is when; there is no access left to speak of, and
    `reactivate_url` leads to a new subscription, if anywhere.
    `unpaid`: an invoice is still open (WF-025); `due_at`: when it's due, where it was sent with terms.
    `plan_change_dropped`: a scheduled change was released (WF-021).
    `reported_failed`: we had told the customer that it failed. `renewal_undone`: it renewed before we could cancel, and
    that charge was refunded. `invoices_voided`: nothing was paid for the current period, and its invoice was voided.
    """

    name: str | None
    plan: str
    ends_at: datetime
    ended_now: bool
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
