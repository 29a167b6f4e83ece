"""The email that corrects a reported failure: what was added, and that nothing needs to be done."""

from datetime import UTC, datetime

from email_templates.discount_confirmation import DiscountConfirmation
from tests.email_templates.test_cancellation_confirmation import parts


def test_the_email_corrects_the_reported_failure_and_names_the_discount() -> None:
    email = DiscountConfirmation(
        name="Ada Lovelace",
        plan="Professional",
        asked_at=datetime(2026, 1, 26, tzinfo=UTC),
        offer="30% off for 3 months",
        locale="en_US",
        time_zone="Europe/Berlin",
        company_name="Example & Sons",
        request_id="req-1",
    ).email()
    assert email.subject == "Your discount was added"
    for text in parts(email):
        assert "We told you that it had failed. That was wrong" in text
        assert "January 26, 2026 at 1:00 AM CET" in text
        assert "30% off for 3 months" in text
