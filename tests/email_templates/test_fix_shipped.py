"""The email about a fix: plain text with the company's note, a way back, and where to unsubscribe."""

from dataclasses import replace
from datetime import UTC, datetime

from email_templates.fix_shipped import FixShipped

BACK = "https://app.example.com/plans?from=email&x=1"
UNSUBSCRIBE = "https://billing.example.com/preferences?token=a.b.c"
USUAL = FixShipped(
    name="Ada Lovelace",
    plan="Professional",
    note="You can now sign in with SSO.",
    reactivate_until=None,
    return_url=BACK,
    unsubscribe_url=UNSUBSCRIBE,
    locale="en_US",
    time_zone="Europe/Berlin",
    company_name="Example & Sons",
    company_address="1 Main Street,\nSpringfield",
    request_id="req-1",
)


def test_the_email_has_the_note_a_way_back_and_where_to_unsubscribe() -> None:
    email = USUAL.email()
    assert (email.subject, email.html) == ("What you were missing in Professional", "")
    assert email.text.startswith("Hello Ada Lovelace,\n")
    assert "\n\nYou can now sign in with SSO.\n\n" in email.text
    assert f"you can start a new subscription\nhere:\n{BACK}\n" in email.text
    assert f"You can unsubscribe at any time:\n{UNSUBSCRIBE}\n" in email.text
    assert "\n--\nExample & Sons\n1 Main Street, Springfield\nYou're receiving this email because" in email.text
    assert email.text.endswith("Reference: req-1\n")


def test_a_plan_that_has_not_ended_can_be_reactivated() -> None:
    text = " ".join(replace(USUAL, reactivate_until=datetime(2026, 12, 23, 23, 30, tzinfo=UTC)).email().text.split())
    assert "You can use Professional until December 24, 2026." in text
    assert "reactivate it here:" in text
    assert "new subscription" not in text


def test_a_missing_address_is_left_out() -> None:
    assert "\n--\nExample & Sons\nYou're receiving" in replace(USUAL, company_address=None).email().text


def test_hostile_values_are_kept_on_one_line() -> None:
    hostile = "SSO\r\nBcc: eve\u202e"
    email = replace(USUAL, note=hostile, plan=hostile, name="Win at https://evil.example").email()
    assert "\n" not in email.subject
    assert not [line for line in email.text.splitlines() if line.startswith("Bcc")]
    assert "evil" not in email.text
