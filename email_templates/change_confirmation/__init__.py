"""The email that confirms what a customer accepted: what changed, every charge and its date, and how to cancel."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from email_templates import Draft, Email, render
from email_templates.names import greeting_name


@dataclass(frozen=True)
class ChangeConfirmation(Draft):
    """The email's data. Datetimes are aware; money is formatted, see `email_templates.money`; what is None is omitted.

    `plan`: before the change. `new_plan` belongs to a plan_change, which starts at `starts_at`, or has started if that
    is None. `offer`: the accepted offer's description.
    `resumes_at`: when billing resumes by itself; `keeps_access`: while paused.
    `charged_now`: None is shown as nothing. `credited_now`: for unused time.
    `price_again`: after a discount, from `price_again_from`.
    `resume_url`: shown for a pause. `reported_failed`: the API had responded that it failed.
    """

    kind: Literal["discount", "pause", "resume", "plan_change", "trial_extension"]
    name: str | None
    plan: str
    new_plan: str | None
    offer: str | None
    starts_at: datetime | None
    resumes_at: datetime | None
    keeps_access: bool
    trial_ends_at: datetime | None
    charged_now: str | None
    credited_now: str | None
    next_charge: str | None
    next_charge_at: datetime | None
    price_again: str | None
    price_again_from: datetime | None
    resume_url: str | None
    cancel_url: str | None
    reported_failed: bool
    asked_at: datetime
    locale: str | None
    time_zone: str | None
    company_name: str
    request_id: str

    def email(self) -> Email:
        """Return the email, ready to send."""
        return render("change_confirmation", **{**vars(self), "name": greeting_name(self.name)})
