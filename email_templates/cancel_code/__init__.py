"""The email with the code for cancelling without a login."""

from dataclasses import dataclass
from datetime import datetime

from email_templates import Draft, Email, render
from email_templates.names import greeting_name


@dataclass(frozen=True)
class CancelCode(Draft):
    """The email's data. `code` as it is shown; `expires_at` is aware."""

    name: str | None
    code: str
    expires_at: datetime
    locale: str | None
    time_zone: str | None
    company_name: str
    request_id: str

    def email(self) -> Email:
        """Return the email, ready to send."""
        return render("cancel_code", **{**vars(self), "name": greeting_name(self.name)})
