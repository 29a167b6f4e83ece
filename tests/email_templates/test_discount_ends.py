"""The email before a discount ends: what California requires (AB 390), and how to cancel."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from email_templates.discount_ends import DiscountEnds
from tests.email_templates.test_cancellation_confirmation import Page, parts

CANCEL = "https://billing.example.com/cancel?token=a.b.c&x=1"
CONTACT = "help@example.com"

USUAL = DiscountEnds(
    name="Ada Lovelace",
    plan="Professional",
    offer="50% off for 3 months",
    ends_at=datetime(2026, 4, 20, tzinfo=UTC),
    price="$14.50",
    price_again="$29.00",
    price_again_from=datetime(2026, 4, 26, tzinfo=UTC),
    interval=("month", 1),
    cancel_url=CANCEL,
    contact=CONTACT,
    locale="en_US",
    time_zone="Europe/Berlin",
    company_name="Example & Sons",
    request_id="req-1",
)


@pytest.mark.parametrize(
    "line",
    [
        "Plan: Professional",
        "Your discount: 50% off for 3 months",
        "Discount ends on: April 20, 2026",
        "Price now: $14.50 every month",
        "Price after the discount: $29.00 every month",
        "First charge at this price: $29.00 on April 26, 2026",
    ],
)
def test_the_text_and_the_html_name_both_prices_and_their_dates(line: str) -> None:
    email = USUAL.email()
    assert line in email.text.splitlines()
    assert line.replace(": ", " ", 1) in Page(email.html).text


def test_the_email_states_that_the_plan_renews_unless_cancelled() -> None:
    assert USUAL.email().subject == "Your discount ends on April 20, 2026"
    for text in parts(replace(USUAL, interval=("month", 3)).email()):
        assert "Your discount on Professional ends on April 20, 2026." in text
        assert "your plan renews automatically at $29.00 every 3 months, unless you cancel." in text


def test_the_email_states_how_to_cancel_and_whom_to_ask() -> None:
    email = USUAL.email()
    assert Page(email.html).links == {"Cancel your plan": CANCEL, CONTACT: f"mailto:{CONTACT}"}
    assert f"\nYou can cancel at any time. Cancel your plan:\n{CANCEL}\n" in email.text
    assert f"\nIf you have questions, email us at {CONTACT}.\n" in email.text


def test_a_missing_link_or_address_is_left_out() -> None:
    for text in parts(replace(USUAL, cancel_url=None, contact=None).email()):
        assert "You can cancel at any time." in text
        assert "questions" not in text
        assert "None" not in text


def test_hostile_values_are_escaped_and_kept_on_one_line() -> None:
    hostile = "<b>Pro</b>\r\nBcc: eve"
    email = replace(USUAL, plan=hostile, offer=hostile, price=hostile, price_again=hostile).email()
    assert "b" not in Page(email.html).tags
    assert not [line for line in email.text.splitlines() if line.startswith("Bcc")]
