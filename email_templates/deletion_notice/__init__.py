"""The email 14 days before a customer's data is deleted: when, what stays, how to take a copy, and the way back."""

from dataclasses import dataclass
from datetime import datetime

from email_templates import Email, render
from email_templates.names import greeting_name


@dataclass(frozen=True)
class DeletionNotice:
    """What the email says. Moments are aware; URLs are complete; a part whose URL is None is left out."""

    name: str | None
    ended_at: datetime
    delete_at: datetime
    locale: str | None
    time_zone: str | None
    return_url: str | None
    export_url: str | None
    company_name: str
    request_id: str

    def email(self) -> Email:
        """Return the email, ready to send."""
        return render("deletion_notice", **{**vars(self), "name": greeting_name(self.name)})
