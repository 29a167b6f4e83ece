"""Why a customer is not written to, and the language of an email (FEATURES N08)."""

from dataclasses import replace

import pytest

from nodes.rules.win_back import Departure, note_for, why_not

CLEAR = Departure(tagged=True, has_left=True, came_back=False, has_address=True, bounced=False)


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({"tagged": False}, "not_tagged"),
        ({"has_left": False}, "not_left"),
        ({"came_back": True}, "came_back"),
        ({"has_address": False}, "no_address"),
        ({"bounced": True}, "undeliverable"),
        ({"has_left": False, "came_back": True, "has_address": False}, "not_left"),
    ],
)
def test_the_first_reason_counts(changes: dict[str, bool], outcome: str) -> None:
    assert why_not(replace(CLEAR, **changes), consents=True) == outcome


def test_only_a_customer_who_consents_is_written_to() -> None:
    assert why_not(CLEAR, consents=True) is None
    assert why_not(CLEAR, consents=False) == "no_consent"
    assert why_not(replace(CLEAR, has_address=False), consents=False) == "no_consent"


@pytest.mark.parametrize(
    ("notes", "locale", "found"),
    [
        ({"en": "fixed", "de": "repariert"}, "de_AT", ("de_AT", "repariert")),
        ({"en": "fixed", "de": "repariert"}, "en-GB", ("en-GB", "fixed")),
        ({"de": "repariert", "en": "fixed"}, "fr", ("en", "fixed")),
        ({"de": "repariert", "fr": "réparé"}, "es_ES", ("de", "repariert")),
    ],
)
def test_the_whole_email_is_in_the_language_of_the_note(
    notes: dict[str, str], locale: str, found: tuple[str, str]
) -> None:
    assert note_for(notes, locale) == found
