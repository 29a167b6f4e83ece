"""The email before billing resumes: the date, the charge, access, and how to cancel."""

from dataclasses import replace
from datetime import UTC, datetime

from email_templates.billing_resumes import BillingResumes
from tests.email_templates.test_cancellation_confirmation import Page, parts

CANCEL = "https://billing.example.com/cancel?token=a.b.c&x=1"

USUAL = BillingResumes(
    name="Ada Lovelace",
    plan="Professional",
    resumes_at=datetime(2026, 4, 26, tzinfo=UTC),
    next_charge="$29.00",
    next_charge_at=datetime(2026, 5, 10, tzinfo=UTC),
    keeps_access=False,
    cancel_url=CANCEL,
    locale="en_US",
    time_zone="Europe/Berlin",
    company_name="Example & Sons",
    request_id="req-1",
)


def test_the_email_names_the_date_and_the_charge() -> None:
    email = USUAL.email()
    assert email.subject == "Billing for your Professional plan resumes on April 26, 2026"
    for text in parts(email):
        assert "The pause ends on April 26, 2026, and billing resumes on that day." in text
        assert "Billing resumes on April 26, 2026 at 2:00 AM CEST" in text.replace("on:", "on")
        assert "Next charge $29.00 on May 10, 2026" in text.replace("charge:", "charge")
        assert "If you want to keep your plan, there's nothing you need to do." in text
    assert Page(email.html).times == {"2026-04-26T00:00:00Z", "2026-05-10T00:00:00Z"}


def test_the_email_states_what_happens_to_access() -> None:
    for text in parts(USUAL.email()):
        assert "You can use Professional again from then on." in text
    for text in parts(replace(USUAL, keeps_access=True).email()):
        assert "You can keep using Professional as before." in text


def test_the_email_states_how_to_cancel() -> None:
    email = USUAL.email()
    assert Page(email.html).links == {"Cancel your plan": CANCEL}
    assert f"\nYou can cancel at any time. Cancel your plan:\n{CANCEL}\n" in email.text
    for text in parts(replace(USUAL, cancel_url=None).email()):
        assert "You can cancel at any time." in text


def test_an_unknown_charge_is_not_mentioned() -> None:
    for text in parts(replace(USUAL, next_charge=None, next_charge_at=None).email()):
        assert "charge" not in text
        assert "None" not in text


def test_a_hostile_plan_name_is_escaped_and_kept_on_one_line() -> None:
    email = replace(USUAL, plan="<b>Pro</b>\r\nBcc: eve", name="www.evil.example").email()
    assert "\n" not in email.subject
    assert "b" not in Page(email.html).tags
    assert "evil" not in email.text + email.html
