"""The email that corrects a reported failure: what was added, and that nothing needs to be done."""

from datetime import UTC, datetime

from email_templates.discount_confirmation import DiscountConfirmation
from tests.email_templates.test_cancellation_confirmation import parts


def test_it_says_that_it_had_not_failed_and_what_was_added() -> None:
    email = DiscountConfirmation(
        name="Ada Lovelace",
        plan="Professional",
        asked_at=datetime(2026, 1, 26, tzinfo=UTC),
        offer="30% off for 3 months",
        locale="de_DE",
        time_zone="Europe/Berlin",
        company_name="Example & Sons",
        request_id="req-1",
    ).email()
    assert email.subject == "Your discount was added"
    for words in parts(email):
        assert "We told you that it had failed. That was wrong" in words
        assert "January 26, 2026 at 1:00 AM CET" in words
        assert "30% off for 3 months" in words
