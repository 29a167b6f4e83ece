"""The email for a request that the team completes by hand: received and when, but not that anything was done."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from email_templates.request_received import RequestReceived
from tests.email_templates.test_cancellation_confirmation import Page, parts

CANCELLATION = RequestReceived(
    name="Ada Lovelace",
    plan="Professional",
    asked_for="cancellation",
    asked_at=datetime(2026, 1, 26, tzinfo=UTC),
    locale="en_US",
    time_zone="Europe/Berlin",
    company_name="Example & Sons",
    request_id="req-1",
)
REACTIVATION = replace(CANCELLATION, asked_for="reactivation")


@pytest.mark.parametrize(
    ("request_received", "subject", "sentence"),
    [
        (
            CANCELLATION,
            "We've received your request to cancel your Professional plan",
            "You asked us to cancel your Professional plan.",
        ),
        (
            REACTIVATION,
            "We've received your request to keep your Professional plan",
            "You asked us to keep your Professional plan.",
        ),
    ],
    ids=["cancellation", "reactivation"],
)
def test_the_email_states_what_was_received_and_that_its_time_counts(
    request_received: RequestReceived, subject: str, sentence: str
) -> None:
    email = request_received.email()
    assert email.subject == subject
    for text in parts(email):
        assert f"{sentence} A member of our team will take care of it." in text
        assert "You don't need to do anything else." in text
        assert "Requested on January 26, 2026 at 1:00 AM CET" in text.replace("on:", "on")
        assert "The time you asked is the one that counts" in text
    assert Page(email.html).times == {"2026-01-26T00:00:00Z"}


@pytest.mark.parametrize("request_received", [CANCELLATION, REACTIVATION], ids=["cancellation", "reactivation"])
def test_the_email_never_states_that_it_was_done(request_received: RequestReceived) -> None:
    email = request_received.email()
    for text in (email.subject, email.html, email.text):
        for absent in ("cancelled", "canceled", "confirmed", "was added", "has ended"):
            assert absent not in text.lower()
    assert Page(email.html).links == {}


def test_a_hostile_plan_name_is_escaped_and_kept_on_one_line() -> None:
    email = replace(CANCELLATION, plan="<b>Pro</b>\r\nBcc: eve").email()
    assert "\n" not in email.subject
    assert "b" not in Page(email.html).tags
