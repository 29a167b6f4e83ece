"""Cancellation reasons: Stripe's values, and ours for "no answer" (SPEC, Decided 3; FEATURES W25)."""

import re
from importlib.resources import files

import pytest
import stripe

from nodes.rules.reasons import MAX_FEEDBACK_CHARACTERS, REASONS, STRIPE_FEEDBACK, stripe_feedback


def test_the_reasons_are_those_of_stripes_sdk() -> None:
    hint = repr(stripe.params.SubscriptionUpdateParamsCancellationDetails.__annotations__["feedback"])
    assert tuple(re.findall(r"'(\w+)'", hint)) == STRIPE_FEEDBACK
    assert len(STRIPE_FEEDBACK) == 8


def test_a_customer_can_prefer_not_to_say() -> None:
    assert tuple(reason for reason in REASONS if reason not in STRIPE_FEEDBACK) == ("prefer_not_to_say",)


@pytest.mark.parametrize("reason", STRIPE_FEEDBACK)
def test_stripes_own_reasons_are_sent_to_stripe(reason: str) -> None:
    assert stripe_feedback(reason) == reason


@pytest.mark.parametrize("reason", ["prefer_not_to_say", "", "Other", "price"])
def test_other_reasons_are_not_sent_to_stripe(reason: str) -> None:
    assert stripe_feedback(reason) is None


def test_the_database_accepts_the_same_reasons_and_length_of_text() -> None:
    folder = files("sql").joinpath("migrations")
    migrations = "".join(
        folder.joinpath(name).read_text("utf-8") for name in ("0003_requests.sql", "0005_cancellation_effects.sql")
    )
    [categories] = re.findall(r"category +text +NOT NULL CHECK \(category IN \(([^)]+)\)", migrations)
    assert tuple(re.findall(r"'(\w+)'", categories)) == REASONS
    limits = {int(limit) for limit in re.findall(r"length\(feedback\) <= (\d+)", migrations)}
    assert limits == {MAX_FEEDBACK_CHARACTERS}
