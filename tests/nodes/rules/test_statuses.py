"""The effect of cancelling by status: each of Stripe's eight, and any that Stripe may add (SPEC, Decided 7)."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as some

from nodes.rules.statuses import ENDINGS, Ending, ending_of, has_access, is_live, is_pending, local_status

THEN = datetime(2026, 1, 26, tzinfo=UTC)
OUR_STATUSES = (*ENDINGS, "pending_cancellation")
unknown = some.text().filter(lambda status: status not in OUR_STATUSES)


@pytest.mark.parametrize(
    ("status", "ending", "live", "access"),
    [
        ("active", Ending.AT_PERIOD_END, True, True),
        ("trialing", Ending.AT_PERIOD_END, True, True),
        ("past_due", Ending.AT_PERIOD_END, True, True),
        ("unpaid", Ending.NOW, True, False),
        ("paused", Ending.NOW, True, False),
        ("incomplete", Ending.NOW, True, False),
        ("incomplete_expired", Ending.ENDED_ALREADY, False, False),
        ("canceled", Ending.ENDED_ALREADY, False, False),
    ],
)
def test_each_stripe_status_has_its_ending(status: str, ending: Ending, live: bool, access: bool) -> None:
    assert ending_of(status) is ending
    assert is_live(status) is live
    assert has_access(status) is access


def test_the_table_has_stripes_eight_statuses() -> None:
    assert set(ENDINGS) == {
        "active", "canceled", "incomplete", "incomplete_expired", "past_due", "paused", "trialing", "unpaid",
    }  # fmt: skip


@given(unknown)
def test_an_unknown_status_is_live_and_ends_at_period_end(status: str) -> None:
    assert is_live(status)
    assert ending_of(status) is Ending.AT_PERIOD_END


@given(unknown)
def test_an_unknown_status_gives_no_access(status: str) -> None:
    assert not has_access(status)


@pytest.mark.parametrize(
    ("cancel_at_period_end", "cancel_at", "pending"),
    [(False, None, False), (True, None, True), (False, THEN, True), (True, THEN, True)],
)
def test_either_field_makes_a_subscription_pending(
    cancel_at_period_end: bool, cancel_at: datetime | None, pending: bool
) -> None:
    assert is_pending(cancel_at_period_end=cancel_at_period_end, cancel_at=cancel_at) is pending


def test_cancel_at_zero_counts_as_a_date() -> None:
    assert is_pending(cancel_at_period_end=False, cancel_at=0)


@pytest.mark.parametrize("status", ENDINGS)
def test_a_live_subscription_with_an_end_is_pending_in_our_row(status: str) -> None:
    assert local_status(status, pending=True) == ("pending_cancellation" if is_live(status) else status)


@given(some.sampled_from(sorted(ENDINGS)) | some.text())
def test_our_row_has_stripes_status_if_no_end_is_set(status: str) -> None:
    assert local_status(status, pending=False) == (status if status in ENDINGS else "active")


def test_access_lasts_until_a_pending_cancellation_takes_effect() -> None:
    assert has_access("pending_cancellation")
