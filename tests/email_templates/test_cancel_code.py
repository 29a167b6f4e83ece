"""The email with a code: the code, how long it works, and what to do without having asked for it."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from email_templates.cancel_code import CancelCode
from tests.email_templates.test_cancellation_confirmation import Page, parts

USUAL = CancelCode(
    name="Ada Lovelace",
    code="0123 4567",
    expires_at=datetime(2026, 12, 24, 12, 39, tzinfo=UTC),
    locale="en_US",
    time_zone="Europe/Berlin",
    company_name="Example & Sons",
    request_id="req-1",
)


def test_the_email_has_the_code_and_how_long_it_works() -> None:
    email = USUAL.email()
    assert email.subject == "Your code for cancelling your subscription"
    assert "\n\n0123 4567\n\n" in email.text
    for text in parts(email):
        assert "0123 4567" in text
        assert "It works once, until December 24, 2026 at 1:39 PM CET. Don't give it to anyone" in text
        assert "If you didn't ask for a code, ignore this email. Nothing was changed." in text
        assert "Hello Ada Lovelace," in text
    assert Page(email.html).times == {"2026-12-24T12:39:00Z"}


def test_the_email_has_no_link() -> None:
    """Nothing that an attacker enters on the page can bring a link to a mailbox."""
    email = replace(USUAL, name="www.evil.example").email()
    assert Page(email.html).links == {}
    assert [text for text in parts(email) if "evil" in text or "http" in text] == []


@pytest.mark.parametrize(
    ("locale", "text"), [("de", "bis 24. Dezember 2026 um 13:39"), ("fr", "24 décembre"), ("es", "24 de")]
)
def test_the_email_is_in_the_customers_language(locale: str, text: str) -> None:
    for each in parts(replace(USUAL, locale=locale).email()):
        assert text in each
