"""The email that confirms to a customer what they were promised in a call (FEATURES A15)."""

from dataclasses import dataclass

from email_templates import Draft, Email, render
from email_templates.names import greeting_name


@dataclass(frozen=True)
class PromiseConfirmation(Draft):
    """The email's data. `promises`: a sentence each, as the vendor of the call reported them."""

    name: str | None
    promises: tuple[str, ...]
    locale: str | None
    company_name: str
    request_id: str

    def email(self) -> Email:
        """Return the email, ready to send."""
        return render("promise_confirmation", **{**vars(self), "name": greeting_name(self.name)})
