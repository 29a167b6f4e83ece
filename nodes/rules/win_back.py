"""Who is written to when something they missed was fixed, and in which language (FEATURES N08)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from nodes.rules.texts import in_language

# As in sql/migrations/0023_win_back.sql.
Outcome = Literal["written", "not_tagged", "not_left", "came_back", "no_consent", "no_address", "undeliverable"]

DEFAULT_LANGUAGE = "en"


@dataclass(frozen=True)
class Departure:
    """A customer who is tagged with a fix. `bounced`: an earlier email to them came back."""

    tagged: bool
    has_left: bool
    came_back: bool
    has_address: bool
    bounced: bool


def why_not(customer: Departure, *, consents: bool) -> Outcome | None:
    """Return why the customer is not written to; None if they are."""
    checks: tuple[tuple[Outcome, bool], ...] = (
        ("not_tagged", customer.tagged),
        ("not_left", customer.has_left),
        ("came_back", not customer.came_back),
        ("no_consent", consents),
        ("no_address", customer.has_address),
        ("undeliverable", not customer.bounced),
    )
    return next((outcome for outcome, passed in checks if not passed), None)


def note_for(notes: Mapping[str, str], locale: str) -> tuple[str, str]:
    """Return the locale of the whole email, and the note in it: the customer's own, else English, else the first."""
    if own := in_language(notes, locale):
        return locale, own
    language = DEFAULT_LANGUAGE if DEFAULT_LANGUAGE in notes else next(iter(notes))
    return language, notes[language]
