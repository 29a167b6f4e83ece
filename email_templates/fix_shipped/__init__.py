"""The email to a customer who left without something that is fixed since: what was fixed, and a way back."""

from dataclasses import dataclass
from datetime import datetime

from email_templates import Draft, Email, render_plain
from email_templates.names import greeting_name


@dataclass(frozen=True)
class FixShipped(Draft):
    """The email's data. `note`: in the language of `locale`. `reactivate_until`: None if the plan has ended."""

    name: str | None
    plan: str
    note: str
    reactivate_until: datetime | None
    return_url: str
    unsubscribe_url: str
    locale: str | None
    time_zone: str | None
    company_name: str
    company_address: str | None
    request_id: str

    def email(self) -> Email:
        """Return the email, ready to send."""
        return render_plain("fix_shipped", **{**vars(self), "name": greeting_name(self.name)})
