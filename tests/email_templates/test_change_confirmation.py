"""The email that confirms an accepted change: for each kind what changed, every charge, its end, and how to cancel."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from email_templates.change_confirmation import ChangeConfirmation
from tests.email_templates.test_cancellation_confirmation import Page, parts

CANCEL = "https://billing.example.com/cancel?token=a.b.c&x=1"
RESUME = "https://billing.example.com/resume?token=d.e.f&x=1"
ASKED = "January 26, 2026 at 1:00 AM CET"

DISCOUNT = ChangeConfirmation(
    kind="discount",
    name="Ada Lovelace",
    plan="Professional",
    new_plan=None,
    offer="50% off for 3 months",
    starts_at=None,
    resumes_at=None,
    keeps_access=True,
    trial_ends_at=None,
    charged_now=None,
    credited_now=None,
    next_charge="$14.50",
    next_charge_at=datetime(2026, 2, 26, tzinfo=UTC),
    price_again="$29.00",
    price_again_from=datetime(2026, 4, 26, tzinfo=UTC),
    resume_url=None,
    cancel_url=CANCEL,
    reported_failed=False,
    asked_at=datetime(2026, 1, 26, tzinfo=UTC),
    locale="en_US",
    time_zone="Europe/Berlin",
    company_name="Example & Sons",
    request_id="req-1",
)
PLAIN = replace(DISCOUNT, offer=None, price_again=None, price_again_from=None)
PAUSE = replace(PLAIN, kind="pause", resumes_at=datetime(2026, 4, 26, tzinfo=UTC), resume_url=RESUME)
RESUMED = replace(PLAIN, kind="resume")
CHANGE_NOW = replace(PLAIN, kind="plan_change", new_plan="Starter", charged_now="$3.20", credited_now="$10.15")
CHANGE_LATER = replace(PLAIN, kind="plan_change", new_plan="Starter", starts_at=datetime(2026, 2, 26, tzinfo=UTC))
TRIAL = replace(PLAIN, kind="trial_extension", trial_ends_at=datetime(2026, 2, 2, tzinfo=UTC))

KINDS = [DISCOUNT, PAUSE, RESUMED, CHANGE_NOW, CHANGE_LATER, TRIAL]
NAMES = ["discount", "pause", "resume", "change_now", "change_later", "trial"]


def facts(change: ChangeConfirmation) -> list[str]:
    """Return the facts of the text part, a line each. The HTML must have the same, in the same order."""
    email = change.email()
    block = next(part for part in email.text.split("\n\n") if "Charged now: " in part).splitlines()
    assert " ".join(row.replace(": ", " ", 1) for row in block) in Page(email.html).text
    return block


@pytest.mark.parametrize(
    ("change", "subject", "sentence"),
    [
        (
            DISCOUNT,
            "Your discount is confirmed: 50% off for 3 months",
            f"You accepted our offer on {ASKED}. We've added your discount, and your Professional plan continues.",
        ),
        (
            PAUSE,
            "Your Professional plan is paused until April 26, 2026",
            f"You asked us to pause your Professional plan on {ASKED}. It's paused now, and you won't be charged for it"
            " until billing resumes. You can keep using Professional while it's paused.",
        ),
        (
            RESUMED,
            "Your Professional plan has resumed",
            f"You asked us to resume your Professional plan on {ASKED}. It's active again, and billing has resumed.",
        ),
        (
            CHANGE_NOW,
            "Your plan is now Starter",
            f"You asked us to change your plan on {ASKED}. You've moved from Professional to Starter.",
        ),
        (
            CHANGE_LATER,
            "Your plan changes to Starter on February 26, 2026",
            f"You asked us to change your plan on {ASKED}. You'll stay on Professional until February 26, 2026."
            " Then you'll move to Starter.",
        ),
        (
            TRIAL,
            "Your Professional trial now ends on February 2, 2026",
            f"You accepted our offer on {ASKED}. We've extended your Professional trial.",
        ),
    ],
    ids=NAMES,
)
def test_the_text_and_the_html_state_what_changed(change: ChangeConfirmation, subject: str, sentence: str) -> None:
    email = change.email()
    assert email.subject == subject
    for text in parts(email):
        assert "Hello Ada Lovelace," in text
        assert sentence in text
        assert "Reference: req-1" in text


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            DISCOUNT,
            [
                "Plan: Professional",
                "Your discount: 50% off for 3 months",
                "Charged now: Nothing",
                "Next charge: $14.50 on February 26, 2026",
                "Price after the discount: $29.00 from April 26, 2026",
            ],
        ),
        (
            PAUSE,
            [
                "Plan: Professional",
                "Billing resumes on: April 26, 2026 at 2:00 AM CEST",
                "Charged now: Nothing",
                "Next charge: $14.50 on February 26, 2026",
            ],
        ),
        (RESUMED, ["Plan: Professional", "Charged now: Nothing", "Next charge: $14.50 on February 26, 2026"]),
        (
            CHANGE_NOW,
            [
                "Previous plan: Professional",
                "New plan: Starter",
                "Charged now: $3.20",
                "Credit for unused time: $10.15",
                "Next charge: $14.50 on February 26, 2026",
            ],
        ),
        (
            CHANGE_LATER,
            [
                "Current plan: Professional",
                "New plan: Starter",
                "New plan starts on: February 26, 2026 at 1:00 AM CET",
                "Charged now: Nothing",
                "Next charge: $14.50 on February 26, 2026",
            ],
        ),
        (
            TRIAL,
            [
                "Plan: Professional",
                "Trial ends on: February 2, 2026 at 1:00 AM CET",
                "Charged now: Nothing",
                "Next charge: $14.50 on February 26, 2026",
            ],
        ),
    ],
    ids=NAMES,
)
def test_every_charge_and_end_has_its_date(change: ChangeConfirmation, expected: list[str]) -> None:
    assert facts(change) == expected


@pytest.mark.parametrize(
    ("amount", "at", "line"),
    [
        ("$14.50", None, "Next charge: $14.50"),
        (None, datetime(2026, 2, 26, tzinfo=UTC), "Next charge: February 26, 2026"),
    ],
)
def test_the_known_parts_of_the_next_charge_are_named(amount: str | None, at: datetime | None, line: str) -> None:
    assert line in facts(replace(RESUMED, next_charge=amount, next_charge_at=at))


@pytest.mark.parametrize("change", KINDS, ids=NAMES)
def test_every_kind_of_change_states_how_to_cancel(change: ChangeConfirmation) -> None:
    email = change.email()
    assert Page(email.html).links["Cancel your plan"] == CANCEL
    assert f"\nYou can cancel at any time. Cancel your plan:\n{CANCEL}\n" in email.text
    without = replace(change, cancel_url=None).email()
    assert "Cancel your plan" not in without.html + without.text
    for text in parts(without):
        assert "You can cancel at any time." in text


@pytest.mark.parametrize("change", KINDS, ids=NAMES)
def test_a_reported_failure_is_corrected(change: ChangeConfirmation) -> None:
    for text in parts(change.email()):
        assert "failed" not in text
    for text in parts(replace(change, reported_failed=True).email()):
        assert "We told you that it had failed. That was wrong: it went through." in text
        assert "There's nothing else you need to do." in text


def test_a_pause_without_access_states_so() -> None:
    for text in parts(replace(PAUSE, keeps_access=False).email()):
        assert "You can't use Professional while it's paused." in text
        assert "keep using" not in text


def test_a_pause_without_an_end_mentions_no_end() -> None:
    email = replace(PAUSE, resumes_at=None).email()
    assert email.subject == "Your Professional plan is paused"
    for text in parts(email):
        assert "you won't be charged for it while it's paused." in text
        assert "Billing resumes" not in text


def test_only_a_pause_is_resumed() -> None:
    email = PAUSE.email()
    assert Page(email.html).links["Resume now"] == RESUME
    assert f"Resume now:\n{RESUME}\n" in email.text
    for other in (replace(PAUSE, resume_url=None), replace(RESUMED, resume_url=RESUME)):
        assert "Resume now" not in other.email().html + other.email().text


@pytest.mark.parametrize("change", KINDS, ids=NAMES)
def test_no_offer_and_no_unknown_value_is_mentioned(change: ChangeConfirmation) -> None:
    bare = replace(change, charged_now=None, credited_now=None, next_charge=None, next_charge_at=None)
    for text in parts(bare.email()):
        for absent in ("None", "Next charge", "Credit", "sorry", "miss you", "upgrade", "thank"):
            assert absent not in text


def test_dates_are_in_the_locale_of_the_email() -> None:
    assert facts(replace(DISCOUNT, locale="en_GB", next_charge="£14.50"))[-2:] == [
        "Next charge: £14.50 on 26 February 2026",
        "Price after the discount: $29.00 from 26 April 2026",
    ]
    assert Page(DISCOUNT.email().html).times == {
        "2026-01-26T00:00:00Z",
        "2026-02-26T00:00:00Z",
        "2026-04-26T00:00:00Z",
    }


@pytest.mark.parametrize("change", KINDS, ids=NAMES)
def test_hostile_values_are_escaped_and_kept_on_one_line(change: ChangeConfirmation) -> None:
    hostile = "<b>eve</b>\r\nBcc: eve"
    email = replace(change, name=hostile, plan=hostile, new_plan=hostile, offer=hostile, next_charge=hostile).email()
    assert "\n" not in email.subject
    assert "b" not in Page(email.html).tags
    assert "<b>eve</b> Bcc: eve" in Page(email.html).text
    assert not [line for line in email.text.splitlines() if line.startswith("Bcc")]
