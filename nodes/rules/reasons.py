"""Why a customer leaves: Stripe's feedback codes, so that Stripe's own reports agree with ours (SPEC, Decided 3)."""

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

# Says that the question was asked and not answered (FEATURES W25). Stripe has no word for it and is sent none.
PREFER_NOT_TO_SAY = "prefer_not_to_say"

REASONS = (*STRIPE_FEEDBACK, PREFER_NOT_TO_SAY)

MAX_FEEDBACK_CHARACTERS = 5000


def stripe_feedback(reason: str) -> str | None:
    """Return the `cancellation_details[feedback]` for a reason, or none."""
    return reason if reason in STRIPE_FEEDBACK else None
