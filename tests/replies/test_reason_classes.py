"""Reason classes, our reasons and Stripe's feedback codes: total in both directions (FEATURES A10)."""

from nodes.rules.reason_classes import REASON_CLASSES, reason_class_of, reason_of
from nodes.rules.reasons import REASONS, STRIPE_FEEDBACK, stripe_feedback


def test_every_reason_class_is_one_of_our_reasons_and_of_stripes_codes() -> None:
    reasons = {each: reason_of(each) for each in REASON_CLASSES}
    assert reasons == {
        "PRICING": "too_expensive",
        "PRODUCT_GAP": "missing_features",
        "RELIABILITY": "low_quality",
        "NO_LONGER_NEEDED": "unused",
        "COMPETITOR": "switched_service",
        "UNUSED": "unused",
    }
    assert all(stripe_feedback(reason) == reason for reason in reasons.values())


def test_every_reason_has_a_class_unless_it_says_nothing() -> None:
    classes = {reason: reason_class_of(reason) for reason in REASONS}
    assert {reason for reason, found in classes.items() if found is None} == {"other", "prefer_not_to_say"}
    assert {found for found in classes.values() if found} == {*REASON_CLASSES} - {"NO_LONGER_NEEDED"}
    assert set(STRIPE_FEEDBACK) <= classes.keys()


def test_a_class_comes_back_from_its_reason_except_where_two_share_one() -> None:
    back = {each: reason_class_of(reason_of(each)) for each in REASON_CLASSES}
    assert {each: found for each, found in back.items() if found != each} == {"NO_LONGER_NEEDED": "UNUSED"}
