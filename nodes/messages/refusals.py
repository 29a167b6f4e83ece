"""Why a request was refused or failed, as the customer reads it in an email or on a page."""

from typing import Any

from email_templates.translations import Language
from nodes.problems import slug_of
from nodes.refusals.cancellation import NoActiveSubscription, PreviewExpired
from nodes.refusals.requests import SeveralSubscriptions
from nodes.rules.eligibility import REASONS


def refusal_text(response: dict[str, Any] | None, language: Language) -> str:
    """Return the API's text in the customer's language, or a customer-friendly one if the API's is for programs.

    A text of the company's own, as for a fixed term, is in the customer's language already.
    """
    refusal, _ = response or {}, language.gettext
    friendlier = {
        slug_of(SeveralSubscriptions()): _("You have several subscriptions, and we couldn't tell which one you meant"),
        slug_of(PreviewExpired()): _("The preview of your cancellation was too old"),
        slug_of(NoActiveSubscription()): _("You have no active subscription"),
    }
    if text := friendlier.get(str(refusal.get("type")).rpartition(":")[2]):
        return text
    if reason := REASONS.get(str(refusal.get("reason"))):
        return _("This offer is not available: %(reason)s", reason=language.translated(reason))
    limits = {"least": refusal.get("least"), "most": refusal.get("most")}
    match refusal.get("unit"):
        case "month":
            return _("months must be from %(least)s to %(most)s", **limits)
        case "week":
            return _("weeks must be from %(least)s to %(most)s", **limits)
    return language.translated(str(refusal.get("detail")))
