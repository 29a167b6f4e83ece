"""Why a request was refused, as the customer reads it: the API's text in their language, or a friendlier one."""

import pytest

from email_templates.translations import language_of
from nodes.messages.refusals import refusal_text
from nodes.problems import problem_of
from nodes.refusals.base import Refusal
from nodes.refusals.cancellation import FixedTermRunning
from nodes.refusals.changes import DurationNotOffered, OfferNotAvailable, PaymentDeclined
from nodes.refusals.reactivation import SubscriptionEnded
from nodes.refusals.requests import SeveralSubscriptions

PAUSED = OfferNotAvailable("This offer is not available: the subscription is already paused", reason="already_paused")
TOO_LONG = DurationNotOffered("months must be from 1 to 3", least=1, most=3, unit="month")
FIXED_TERM = FixedTermRunning("Nur mit 100% Zustimmung, %(leider)s")


def written(refusal: Refusal, locale: str) -> str:
    return refusal_text(problem_of(refusal), language_of(locale))


@pytest.mark.parametrize("refusal", [PAUSED, TOO_LONG, FIXED_TERM, PaymentDeclined(), SubscriptionEnded()])
def test_in_english_it_is_the_apis_text(refusal: Refusal) -> None:
    assert written(refusal, "en_US") == refusal.text


@pytest.mark.parametrize(
    ("refusal", "text"),
    [
        (PAUSED, "Dieses Angebot ist nicht verfügbar: Das Abonnement ist bereits pausiert"),
        (TOO_LONG, "Eine Pause dauert 1 bis 3 Monate"),
        (PaymentDeclined(), "Die Zahlung wurde abgelehnt, und es wurde nichts geändert"),
        (FIXED_TERM, FIXED_TERM.text),  # the company's own text, in the customer's language already
    ],
)
def test_it_is_in_the_customers_language(refusal: Refusal, text: str) -> None:
    assert written(refusal, "de_DE") == text


def test_a_text_for_programs_is_replaced_by_one_for_customers() -> None:
    text = written(SeveralSubscriptions(subscriptions=[]), "en_US")
    assert text == "You have several subscriptions, and we couldn't tell which one you meant"
    assert written(SeveralSubscriptions(subscriptions=[]), "de_DE").startswith("Sie haben mehrere Abonnements")
