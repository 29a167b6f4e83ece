"""Cancellation reasons: Stripe's feedback codes, so that Stripe's reports agree with ours (SPEC, Decided 3)."""

STRIPE_FEEDBACK = (
    "customer_service",
    "low_quality",
    "missing_features",
    "other",
    "switched_service",
    "too_complex",
    "too_expensive",
    "unused",
)

# The customer was asked and gave no reason (FEATURES W25). Stripe has no such code, so no feedback is sent to it.
PREFER_NOT_TO_SAY = "prefer_not_to_say"

REASONS = (*STRIPE_FEEDBACK, PREFER_NOT_TO_SAY)

MAX_FEEDBACK_CHARACTERS = 5000


def stripe_feedback(reason: str) -> str | None:
    """Return the `cancellation_details[feedback]` for a reason, or None."""
    return reason if reason in STRIPE_FEEDBACK else None
