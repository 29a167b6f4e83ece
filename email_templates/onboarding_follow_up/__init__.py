"""The letter to someone whose subscription never began, because its first payment was not completed."""

from dataclasses import dataclass

from email_templates import Letter, render
from email_templates.names import greeting_name


@dataclass(frozen=True)
class OnboardingFollowUp:
    """What the letter says; without `new_subscription_url` it asks for an answer instead."""

    name: str | None
    plan: str
    new_subscription_url: str | None
    company_name: str
    request_id: str

    def letter(self) -> Letter:
        """The letter, ready to send."""
        return render("onboarding_follow_up", **{**vars(self), "name": greeting_name(self.name)})
