"""The email before deletion: its date as the customer reads it, the two ways out, and what it omits."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from email_templates.deletion_notice import DeletionNotice
from tests.email_templates.test_cancellation_confirmation import Page

EXPORT = "https://app.example.com/export"
RETURN = "https://app.example.com/plans?from=email&x=1"

USUAL = DeletionNotice(
    name="Ada Lovelace",
    ended_at=datetime(2026, 1, 26, tzinfo=UTC),
    delete_at=datetime(2026, 4, 26, tzinfo=UTC),
    locale="en_US",
    time_zone="Europe/Berlin",
    return_url=RETURN,
    export_url=EXPORT,
    company_name="Example & Sons",
    request_id="req-1",
)


def test_the_notice_names_both_dates() -> None:
    email = USUAL.email()
    assert email.subject == "We'll delete your data on April 26, 2026"
    page = Page(email.html)
    for text in (email.text, page.text):
        assert "April 26, 2026" in text
        assert "January 26, 2026" in text
        assert "Ada Lovelace" in text
    assert page.times == {"2026-04-26T00:00:00Z", "2026-01-26T00:00:00Z"}


def test_the_notice_links_to_the_export_and_to_a_new_subscription() -> None:
    email = USUAL.email()
    assert Page(email.html).links == {"export your data": EXPORT, "Start again": RETURN}
    assert EXPORT in email.text
    assert RETURN in email.text


@pytest.mark.parametrize(("url", "heading"), [("export_url", "DOWNLOAD A COPY"), ("return_url", "COME BACK")])
def test_a_missing_link_is_left_out(url: str, heading: str) -> None:
    shown, left_out = USUAL.email(), replace(USUAL, **{url: None}).email()  # type: ignore[arg-type]
    assert heading in shown.text
    assert heading not in left_out.text
    assert "None" not in left_out.text + left_out.html


def test_the_notice_states_what_is_kept() -> None:
    email = USUAL.email()
    for text in (email.text, Page(email.html).text):
        assert "keep your invoices" in text


def test_an_unusable_name_is_not_repeated() -> None:
    email = replace(USUAL, name="Win at https://evil.example").email()
    assert "evil" not in email.text + email.html
    assert email.text.startswith("Hello,")
