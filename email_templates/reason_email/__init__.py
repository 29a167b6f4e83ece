"""The email that asks a customer why they left: plain text, one question, and no offer (FEATURES N04, F26)."""

from dataclasses import dataclass

from email_templates import Draft, Email, render_plain
from email_templates.names import greeting_name


@dataclass(frozen=True)
class ReasonEmail(Draft):
    """The email's data. `feedback_url` has no question mark, so that the email contains exactly one."""

    name: str | None
    plan: str
    feedback_url: str
    locale: str | None
    company_name: str
    request_id: str

    def email(self) -> Email:
        """Return the email, ready to send."""
        return render_plain("reason_email", **{**vars(self), "name": greeting_name(self.name)})
