"""Which offers fit a subscription: checked when they are listed, and again before the first write (FEATURES U07, U08).

The table follows Stripe's own limits and Unchurn's "Per-offer eligibility"
(https://docs.unchurn.dev/docs/concepts/supported-subscriptions).
"""

from collections.abc import Callable
from dataclasses import dataclass

from nodes.rules.statuses import is_live
from nodes.rules.texts import translatable as _
from nodes.rules.ways_to_stay import DiscountTerms, Terms

Interval = tuple[str, int]  # as Stripe has it: ("month", 1)


@dataclass(frozen=True)
class Shape:
    """What decides about offers: the subscription in Stripe, and what its customer accepted before.

    `intervals`: of all items. `discounted`: a discount is in effect that the offer would not replace.
    """

    status: str
    pending: bool = False
    fixed_term: bool = False
    scheduled: bool = False
    paused: bool = False
    manual: bool = False
    intervals: frozenset[Interval] = frozenset({("month", 1)})
    items: int = 1
    currency: str = "usd"
    discounted: bool = False
    offer_used: bool = False  # within the plan's cool-down
    pause_used: bool = False  # within the offer's cool-down
    trial_extended: bool = False


# The reasons why an offer is not available, as the API and the audit log name them, with the text for the caller. A
# customer reads it in their language.
REASONS = {
    "ended": _("the subscription has ended"),
    "pending_cancellation": _("the subscription is already scheduled for cancellation"),
    "manual": _("this subscription is handled by a person"),
    "not_active": _("the subscription is not active"),
    "past_due": _("an invoice is unpaid"),
    "trialing": _("the subscription is on trial"),
    "not_trialing": _("the subscription is not on trial"),
    "fixed_term": _("the subscription runs for a fixed term"),
    "scheduled": _("a change of the subscription is already scheduled"),
    "already_paused": _("the subscription is already paused"),
    "not_paused": _("the subscription is not paused"),
    "interval": _("the offer does not fit the subscription's billing interval"),
    "several_items": _("the subscription has several items"),
    "currency": _("the offer is in another currency"),
    "already_discounted": _("a discount is already in effect"),
    "used_before": _("the offer was accepted before and can't be repeated yet"),
    "trial_extended": _("the trial was extended before"),
    "changes_nothing": _("the offer would change nothing"),
    "preview_expired": _("the preview was shown too long ago"),
}

Rule = tuple[str, Callable[[Shape, Terms | None], bool]]


def _longer_than_a_month(shape: Shape, terms: Terms | None) -> bool:
    """Stripe counts a coupon's months, not invoices: on a longer interval, three months discount nothing or a year."""
    months = isinstance(terms, DiscountTerms) and terms.duration == "repeating"
    return months and not all(_at_most_a_month(each) for each in shape.intervals)


def _at_most_a_month(interval: Interval) -> bool:
    unit, count = interval
    return count <= {"day": 28, "week": 4, "month": 1}.get(unit, 0)


def _not_monthly_or_weekly(shape: Shape, _: Terms | None) -> bool:
    return {unit for unit, _count in shape.intervals} not in ({"month"}, {"week"}) or len(shape.intervals) != 1


def _other_currency(shape: Shape, terms: Terms | None) -> bool:
    return isinstance(terms, DiscountTerms) and terms.currency not in (None, shape.currency)


_LIVE: tuple[Rule, ...] = (
    ("ended", lambda shape, _: not is_live(shape.status)),
    ("pending_cancellation", lambda shape, _: shape.pending),
)
_ACTIVE: tuple[Rule, ...] = (
    *_LIVE,
    ("manual", lambda shape, _: shape.manual),
    ("not_active", lambda shape, _: shape.status in ("incomplete", "unpaid", "paused")),
    ("past_due", lambda shape, _: shape.status == "past_due"),
    ("scheduled", lambda shape, _: shape.scheduled),
)
_NOT_PAUSED: Rule = ("already_paused", lambda shape, _: shape.paused)
_NO_TRIAL: Rule = ("trialing", lambda shape, _: shape.status == "trialing")
_NO_TERM: Rule = ("fixed_term", lambda shape, _: shape.fixed_term)

# The rules of each kind of change, in the order in which their reasons are given.
RULES: dict[str, tuple[Rule, ...]] = {
    "discount": (
        *_ACTIVE,
        _NOT_PAUSED,
        # The months of a repeating coupon would run out unused, as nothing is charged during a trial (FEATURES F09).
        ("trialing", lambda shape, terms: shape.status == "trialing" and getattr(terms, "months", None) is not None),
        ("interval", lambda shape, _: len(shape.intervals) != 1),
        ("interval", _longer_than_a_month),
        ("currency", _other_currency),
        ("already_discounted", lambda shape, _: shape.discounted),
        ("used_before", lambda shape, _: shape.offer_used),
    ),
    "pause": (
        *_ACTIVE,
        _NO_TRIAL,
        _NO_TERM,
        _NOT_PAUSED,
        ("interval", _not_monthly_or_weekly),
        ("used_before", lambda shape, _: shape.pause_used),
    ),
    "plan_change": (
        *_ACTIVE,
        _NO_TRIAL,
        _NO_TERM,
        _NOT_PAUSED,
        ("several_items", lambda shape, _: shape.items != 1),
    ),
    "trial_extension": (
        *_ACTIVE,
        _NO_TERM,
        ("not_trialing", lambda shape, _: shape.status != "trialing"),
        ("trial_extended", lambda shape, _: shape.trial_extended),
    ),
    "contact": _LIVE,
    "redirect": _LIVE,
    # A pause is ended early even if a cancellation is pending or an invoice unpaid: it only returns to normal billing.
    "resume": (_LIVE[0], ("manual", lambda shape, _: shape.manual), ("not_paused", lambda shape, _: not shape.paused)),
}


def why_not(terms: Terms | None, kind: str, shape: Shape) -> str | None:
    """Return why a change is not available for a subscription, as a key of `REASONS`; None if it is available.

    Args:
        terms: of the offer; None for `resume`, which is no offer.
        kind: the kind of change.
        shape: the subscription's current state.
    """
    return next((reason for reason, applies in RULES[kind] if applies(shape, terms)), None)
