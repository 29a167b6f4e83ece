"""The offer of each plan, and none where it could not be honoured (SPEC, step 3; FEATURES W04 to W06)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from nodes.clients.catalog import read_catalog
from nodes.rules.offers import RetentionOffer, WhenDiscounted, offer_for

CATALOG = read_catalog()
OFFERS = {key: plan.offer for key, plan in CATALOG.plans.items() if plan.offer}


def offer(plan: str, **changes: Any) -> RetentionOffer | None:
    """Return the offer for a plain subscription with these changes."""
    return offer_for(
        CATALOG.plan(plan).offer,
        **{"status": "active", "billed_monthly": True, "has_schedule": False, **changes},
    )


@pytest.mark.parametrize(
    ("plan", "percent_off", "months", "description"),
    [
        ("starter", 20, 3, "20% off for 3 months"),
        ("professional", 30, 3, "30% off for 3 months"),
        ("enterprise", 40, 6, "40% off for 6 months and priority support"),
    ],
)
def test_each_plan_has_its_offer(plan: str, percent_off: int, months: int, description: str) -> None:
    made = offer(plan)
    assert made is not None
    assert (made.plan, made.percent_off, made.months) == (plan, percent_off, months)
    assert made.description == description
    assert made.discount == f"{percent_off}% off"
    assert made.duration == f"{months} months"


def test_only_enterprise_includes_priority_support() -> None:
    assert {plan: terms.entitlements for plan, terms in OFFERS.items() if terms.entitlements} == {
        "enterprise": ("priority_support",)
    }


@given(some.text())
def test_an_unknown_plan_has_no_offer(plan: str) -> None:
    assert offer(plan) is OFFERS.get(plan)


@pytest.mark.parametrize("plan", ["", "Professional", "professional ", "business"])
def test_a_plan_is_matched_by_its_exact_name(plan: str) -> None:
    assert offer(plan) is None


@pytest.mark.parametrize("plan", OFFERS)
@pytest.mark.parametrize(
    "changes",
    [{"billed_monthly": False}, {"has_schedule": True}, {"status": "trialing"}],
    ids=["yearly", "schedule", "trial"],
)
def test_no_offer_is_made_that_could_not_be_honoured(plan: str, changes: dict[str, bool]) -> None:
    assert offer(plan, **changes) is None


@pytest.mark.parametrize("status", ["active", "past_due", "unpaid", "paused", "a_new_one"])
def test_other_statuses_do_not_change_the_offer(status: str) -> None:
    assert offer("starter", status=status) == OFFERS["starter"]


def test_there_is_no_offer_while_a_discount_runs_by_default() -> None:
    assert offer("professional", discounted=True) is None


@pytest.mark.parametrize(
    ("policy", "fate", "description"),
    [
        ("replace", "replaced", "30% off for 3 months, in place of your current discount"),
        ("add", "kept", "30% off for 3 months, on top of your current discount"),
    ],
)
def test_an_offer_states_the_fate_of_the_current_discount(policy: WhenDiscounted, fate: str, description: str) -> None:
    made = offer("professional", discounted=True, when_discounted=policy)
    assert made is not None
    assert (made.current_discount, made.description) == (fate, description)
    assert made.coupon_id == OFFERS["professional"].coupon_id
    assert offer("professional", when_discounted=policy) == OFFERS["professional"]


def test_a_coupon_is_named_by_its_terms() -> None:
    assert {terms.coupon_id for terms in OFFERS.values()} == {
        "cancelflow-starter-20pct-3m",
        "cancelflow-professional-30pct-3m",
        "cancelflow-enterprise-40pct-6m",
    }


@given(some.integers(1, 100), some.integers(1, 36), some.integers(1, 100), some.integers(1, 36))
def test_different_terms_have_different_coupons(
    percent: int, months: int, other_percent: int, other_months: int
) -> None:
    one, other = RetentionOffer("starter", percent, months), RetentionOffer("starter", other_percent, other_months)
    assert (one.coupon_id == other.coupon_id) == ((percent, months) == (other_percent, other_months))
