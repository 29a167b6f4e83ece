"""When a cancellation takes effect under each policy, and how a refund is split over payments (C22, F17)."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from nodes.rules.cancellation_policy import (
    DEFAULT,
    CancellationPolicy,
    Circumstances,
    ending_under,
    ends_by_policy,
    split,
)
from nodes.rules.statuses import ENDINGS, Ending

NOW = CancellationPolicy(ends="now", refund="full")
ACCESS_NOW = CancellationPolicy(access_ends="now")
AT_PERIOD_END, IMMEDIATELY, ENDED = Ending.AT_PERIOD_END, Ending.NOW, Ending.ENDED_ALREADY


@pytest.mark.parametrize(
    ("found", "by_default", "with_ends_now", "refunded"),
    [
        (Circumstances("active"), AT_PERIOD_END, IMMEDIATELY, True),
        (Circumstances("trialing"), AT_PERIOD_END, IMMEDIATELY, True),
        (Circumstances("a status that Stripe may add"), AT_PERIOD_END, IMMEDIATELY, True),
        # The current period is paid, and the customer owes for a change within it.
        (Circumstances("past_due"), AT_PERIOD_END, IMMEDIATELY, True),
        (Circumstances("past_due", unpaid=True), IMMEDIATELY, IMMEDIATELY, False),
        (Circumstances("past_due", owes=True), AT_PERIOD_END, AT_PERIOD_END, False),
        (Circumstances("active", owes=True), AT_PERIOD_END, AT_PERIOD_END, False),
        (Circumstances("active", fixed_term=True), AT_PERIOD_END, AT_PERIOD_END, False),
        (Circumstances("active", renewed=True), IMMEDIATELY, IMMEDIATELY, False),
        (Circumstances("active", fixed_term=True, renewed=True), IMMEDIATELY, IMMEDIATELY, False),
        (Circumstances("unpaid"), IMMEDIATELY, IMMEDIATELY, False),
        (Circumstances("paused"), IMMEDIATELY, IMMEDIATELY, False),
        (Circumstances("incomplete"), IMMEDIATELY, IMMEDIATELY, False),
        (Circumstances("incomplete_expired"), ENDED, ENDED, False),
        (Circumstances("canceled"), ENDED, ENDED, False),
    ],
)
def test_each_circumstance_has_its_ending_under_each_policy(
    found: Circumstances, by_default: Ending, with_ends_now: Ending, refunded: bool
) -> None:
    assert ending_under(DEFAULT, found) is ending_under(ACCESS_NOW, found) is by_default
    assert ending_under(NOW, found) is with_ends_now
    assert ends_by_policy(NOW, found) is refunded
    assert not ends_by_policy(DEFAULT, found)


@pytest.mark.parametrize("status", ENDINGS)
@pytest.mark.parametrize("policy", [DEFAULT, NOW, ACCESS_NOW])
def test_only_a_subscription_that_ends_now_is_refunded(status: str, policy: CancellationPolicy) -> None:
    found = Circumstances(status)
    assert not ends_by_policy(policy, found) or ending_under(policy, found) is Ending.NOW


@given(some.integers(-100, 10_000), some.lists(some.integers(-100, 5_000)))
def test_a_split_refund_is_the_amount_or_all_that_was_paid(amount: int, paid: list[int]) -> None:
    parts = split(amount, paid)
    assert sum(parts) == max(0, min(amount, sum(max(0, each) for each in paid)))
    assert all(0 <= part <= max(0, each) for part, each in zip(parts, paid, strict=True))
