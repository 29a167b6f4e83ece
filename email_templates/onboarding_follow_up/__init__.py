"""The email to a customer whose subscription never started, because its first payment was not completed."""

from dataclasses import dataclass

from email_templates import Draft, Email, render
from email_templates.names import greeting_name


@dataclass(frozen=True)
class OnboardingFollowUp(Draft):
    """The email's data. Without `new_subscription_url`, it asks for a reply instead."""

    name: str | None
    plan: str
    new_subscription_url: str | None
    locale: str | None
    company_name: str
    request_id: str

    def email(self) -> Email:
        """Return the email, ready to send."""
        return render("onboarding_follow_up", **{**vars(self), "name": greeting_name(self.name)})
