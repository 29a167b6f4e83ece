"""The email 14 days before a customer's data is deleted: the date, what we keep, how to export, and how to return."""

from dataclasses import dataclass
from datetime import datetime

from email_templates import Draft, Email, render
from email_templates.names import greeting_name


@dataclass(frozen=True)
class DeletionNotice(Draft):
    """The email's data. Datetimes are aware; URLs are absolute; a section whose URL is None is omitted."""

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
