"""The reason classes of a phone call, beside our reasons and so Stripe's feedback codes (FEATURES A10)."""

from typing import Literal, get_args

from nodes.rules.reasons import PREFER_NOT_TO_SAY

ReasonClass = Literal["PRICING", "PRODUCT_GAP", "RELIABILITY", "NO_LONGER_NEEDED", "COMPETITOR", "UNUSED"]

REASON_CLASSES: tuple[ReasonClass, ...] = get_args(ReasonClass)

# What a call reports becomes this reason; it is also what Stripe is sent. Stripe has no code of its own for a product
# that is no longer needed, so the two classes are one reason.
_REASON_OF: dict[ReasonClass, str] = {
    "PRICING": "too_expensive",
    "PRODUCT_GAP": "missing_features",
    "RELIABILITY": "low_quality",
    "NO_LONGER_NEEDED": "unused",
    "COMPETITOR": "switched_service",
    "UNUSED": "unused",
}

# A reason is treated as this class. Poor support is followed up like poor quality, by a support ticket and never by a
# discount; a product that is hard to use lacks something. None: the customer said nothing that a class stands for.
_CLASS_OF: dict[str, ReasonClass | None] = {
    "customer_service": "RELIABILITY",
    "low_quality": "RELIABILITY",
    "missing_features": "PRODUCT_GAP",
    "other": None,
    "switched_service": "COMPETITOR",
    "too_complex": "PRODUCT_GAP",
    "too_expensive": "PRICING",
    "unused": "UNUSED",
    PREFER_NOT_TO_SAY: None,
}


def reason_of(reason_class: ReasonClass) -> str:
    """Return the reason that a reason class becomes; `stripe_feedback` of it is the same code."""
    return _REASON_OF[reason_class]


def reason_class_of(reason: str) -> ReasonClass | None:
    """Return the reason class of a reason; None for `other` and `prefer_not_to_say`."""
    return _CLASS_OF[reason]
