"""The email of step 8B: its five parts, its variants, and escaping of hostile names."""

from dataclasses import replace
from datetime import UTC, datetime
from html import unescape
from html.parser import HTMLParser

import pytest
from jinja2 import TemplateNotFound, UndefinedError

from email_templates import Email, render
from email_templates.cancellation_confirmation import CancellationConfirmation

REACTIVATE = "https://billing.example.com/reactivate?token=a.b.c&x=1"
FEEDBACK = "https://billing.example.com/feedback?token=d.e.f"
EXPORT = "https://app.example.com/export"
PAYMENT = "https://app.example.com/pay"
ACCESS_UNTIL = "January 26, 2026 at 1:00 AM CET"
KEPT_UNTIL = "April 26, 2026"

USUAL = CancellationConfirmation(
    name="Ada Lovelace",
    plan="Professional",
    asked_at=datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
    ends_at=datetime(2026, 1, 26, tzinfo=UTC),
    ended_now=False,
    access_ended_at=None,
    ended_by_policy=False,
    refund=None,
    data_retention_until=datetime(2026, 4, 26, tzinfo=UTC),
    locale="en_US",
    time_zone="Europe/Berlin",
    reactivate_url=REACTIVATE,
    feedback_url=FEEDBACK,
    export_url=None,
    payment_url=None,
    unpaid=False,
    due_at=None,
    plan_change_dropped=False,
    reported_failed=False,
    renewal_undone=False,
    invoices_voided=False,
    company_name="Example & Sons",
    request_id="req-1",
)


class Page(HTMLParser):
    """The HTML as its reader sees it: its text, its links by their text, and the times it names."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text = ""
        self.links: dict[str, str | None] = {}
        self.times: set[str] = set()
        self.tags: set[str] = set()
        self._link: str | None = None
        self._skipped = False
        self.feed(html)
        self.text = " ".join(self.text.split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        attributes = dict(attrs)
        if tag == "a":
            self._link = attributes["href"]
        if tag == "time":
            self.times.add(attributes["datetime"] or "")
        self._skipped = tag == "style"

    def handle_endtag(self, tag: str) -> None:
        self._skipped = False
        if tag == "a":
            self._link = None

    def handle_data(self, data: str) -> None:
        if not self._skipped:
            self.text += data
        if self._link:
            self.links[data] = self._link


def parts(email: Email) -> tuple[str, str]:
    """Return the text of both parts, each on one line."""
    return " ".join(email.text.split()), Page(email.html).text


def test_the_text_and_the_html_have_the_five_parts() -> None:
    email = USUAL.email()
    page = Page(email.html)
    assert email.subject == "Cancellation confirmed: your Professional plan ends on January 26, 2026"
    for text in parts(email):
        assert "Hello Ada Lovelace," in text
        assert "Your Professional plan is cancelled." in text
        assert "Requested on January 2, 2026 at 4:04 AM CET" in text.replace("on:", "on")
        assert f"Access until {ACCESS_UNTIL}" in text.replace("until:", "until")
        assert f"We keep your data for 90 days after your plan ends, in case you come back: until {KEPT_UNTIL}" in text
        assert "Reactivate Subscription" in text
        assert "Give feedback" in text
        assert "Reference: req-1" in text
    assert page.links == {"Reactivate Subscription": REACTIVATE, "Give feedback": FEEDBACK}
    assert page.times == {"2026-01-02T03:04:00Z", "2026-01-26T00:00:00Z", "2026-04-26T00:00:00Z"}
    assert email.text.splitlines().count(REACTIVATE) == 1
    assert email.text.splitlines().count(FEEDBACK) == 1


def test_missing_values_are_not_mentioned() -> None:
    for text in parts(USUAL.email()):
        for absent in ("unpaid", "invoice", "plan change", "change of your plan", "Export", "ended on", "None"):
            assert absent.lower() not in text.lower()


def test_the_export_link_is_shown_if_set() -> None:
    email = replace(USUAL, export_url=EXPORT).email()
    assert Page(email.html).links["Export your data"] == EXPORT
    assert EXPORT in email.text.splitlines()


def test_an_unpaid_invoice_is_mentioned() -> None:
    for email in (replace(USUAL, unpaid=True).email(), replace(USUAL, unpaid=True, payment_url=PAYMENT).email()):
        for text in parts(email):
            assert "an invoice is still open" in text.lower()
            assert "Cancelling doesn't change it, and we may try to collect it again." in text
    assert Page(email.html).links["Pay the open invoice"] == PAYMENT
    assert PAYMENT in email.text.splitlines()


def test_no_payment_link_is_shown_without_an_open_invoice() -> None:
    email = replace(USUAL, payment_url=PAYMENT).email()
    assert PAYMENT not in email.html + email.text


def test_a_dropped_plan_change_is_mentioned() -> None:
    for text in parts(replace(USUAL, plan_change_dropped=True).email()):
        assert "You had a plan change scheduled. It won't happen, because your plan is cancelled." in text


def test_an_immediate_end_mentions_no_access_and_only_a_new_subscription() -> None:
    email = replace(USUAL, ended_now=True, reactivate_url=None).email()
    assert email.subject == "Cancellation confirmed: your Professional plan has ended"
    for text in parts(email):
        assert f"Ended on {ACCESS_UNTIL}" in text.replace("on:", "on")
        assert "for 90 days after your plan ended" in text
        for absent in ("access", "plan ends", "Reactivate"):
            assert absent.lower() not in text.lower()
    again = replace(USUAL, ended_now=True).email()
    assert Page(again.html).links["Start a new subscription"] == REACTIVATE
    assert f"Start a new subscription:\n{REACTIVATE}\n" in again.text


def test_a_voided_invoice_is_mentioned() -> None:
    for text in parts(replace(USUAL, ended_now=True, invoices_voided=True).email()):
        assert "You don't owe it, and we won't try to collect it again." in text


def test_a_voided_invoice_is_no_reason_for_an_end_by_policy() -> None:
    for text in parts(replace(USUAL, ended_now=True, ended_by_policy=True, invoices_voided=True).email()):
        assert "We've cancelled your open invoice. You don't owe it" in text
        assert "wasn't paid" not in text


def test_a_refund_is_mentioned_with_its_amount() -> None:
    for text in parts(replace(USUAL, ended_now=True, ended_by_policy=True, refund="$14.50").email()):
        assert "We've refunded $14.50 to the payment method that you paid with." in text
        assert "Refund $14.50" in text.replace("Refund:", "Refund")


def test_access_that_ends_before_the_plan_is_not_promised() -> None:
    ended = datetime(2026, 1, 2, tzinfo=UTC)
    for text in parts(replace(USUAL, access_ended_at=ended).email()):
        assert "It won't renew, and you can't use it any more." in text
        assert "Access ended on January 2, 2026 at 1:00 AM CET" in text.replace("on:", "on")
        assert f"Plan ends on {ACCESS_UNTIL}" in text.replace("on:", "on")
        assert "Access until" not in text
        assert "you can use" not in text.lower()


def test_a_hostile_name_is_escaped_in_html_and_kept_on_one_line() -> None:
    hostile = replace(USUAL, name='<script>alert(1)</script>"\r\nBcc: eve\u202e', plan="Pro\r\nBcc: <b>eve</b>")
    email = hostile.email()
    page = Page(email.html)
    assert "\n" not in email.subject
    assert "\r" not in email.subject
    assert not page.tags & {"script", "b"}
    assert 'Hello <script>alert(1)</script>" Bcc: eve' in page.text
    assert 'Hello <script>alert(1)</script>" Bcc: eve' in email.text
    assert not [line for line in email.text.splitlines() if line.startswith("Bcc")]
    assert "\u202e" not in email.text + email.html


@pytest.mark.parametrize("name", [None, "", " \n ", "Win at https://evil.example", "www.evil.example", "x" * 61])
def test_an_unusable_name_is_left_out(name: str | None) -> None:
    for text in parts(replace(USUAL, name=name).email()):
        assert "Hello," in text
        assert "evil" not in text


@pytest.mark.parametrize(
    ("locale", "tag", "access_until", "kept_until"),
    [
        ("it_IT", "en", "January 26, 2026 at 1:00 AM CET", "April 26, 2026"),
        ("ar", "en", "January 26, 2026 at 1:00 AM CET", "April 26, 2026"),
        ("en_US", "en-US", "January 26, 2026 at 1:00 AM CET", "April 26, 2026"),
        ("en_GB", "en-GB", "26 January 2026 at 01:00 CET", "26 April 2026"),
    ],
)
def test_the_dates_are_in_the_language_of_the_email(locale: str, tag: str, access_until: str, kept_until: str) -> None:
    email = replace(USUAL, locale=locale).email()
    assert f'<html lang="{tag}" dir="ltr"' in email.html
    assert f'<time datetime="2026-01-26T00:00:00Z">{access_until}</time>' in email.html
    assert f"Access until: {access_until}\nData kept until: {kept_until}\n" in email.text
    assert email.subject.endswith(access_until.partition(" at ")[0])


def test_the_html_loads_nothing_and_declares_its_language() -> None:
    email = USUAL.email()
    assert '<html lang="en-US"' in email.html
    assert not Page(email.html).tags & {"img", "link", "script", "iframe", "object"}
    assert "url(" not in email.html
    assert "Example &amp; Sons" in email.html
    assert "Example & Sons" in email.text
    assert unescape(email.html).count(REACTIVATE) == 1


def test_a_missing_value_or_template_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        render("cancellation_confirmation", plan="Professional")
    with pytest.raises(TemplateNotFound):
        render("no_such_email")
