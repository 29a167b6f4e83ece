"""A plan's policy: when subscription and access end, and what is refunded (FEATURES C22, F16, F17)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from nodes.rules.statuses import Ending, ending_of

RefundChoice = Literal["none", "prorated", "full"]


@dataclass(frozen=True)
class CancellationPolicy:
    """`refund`: only if the subscription ends now. `access_ends`: `now` only if it ends with its period."""

    ends: Literal["period_end", "now"] = "period_end"
    refund: RefundChoice = "none"
    access_ends: Literal["with_subscription", "now"] = "with_subscription"


DEFAULT = CancellationPolicy()


@dataclass(frozen=True)
class Circumstances:
    """What decides about the end. `renewed`: while the request was delayed. `owes`: and will owe after the end.

    `unpaid`: nothing was paid for the current period, and the past-due policy ends such a subscription.
    """

    status: str
    fixed_term: bool = False
    renewed: bool = False
    unpaid: bool = False
    owes: bool = False


def ending_under(policy: CancellationPolicy, found: Circumstances) -> Ending:
    """Return how to end the subscription.

    A trial ends now like a paid period: nothing was paid for it, so nothing is refunded. A fixed term runs at least to
    the end of its period (`leaving: at_period_end`), and so does a period that the customer still has to pay for.
    """
    if ending_of(found.status) is not Ending.AT_PERIOD_END:
        return ending_of(found.status)
    if found.renewed or found.unpaid:
        return Ending.NOW
    return Ending.NOW if ends_by_policy(policy, found) else Ending.AT_PERIOD_END


def ends_by_policy(policy: CancellationPolicy, found: Circumstances) -> bool:
    """Return whether the policy alone ends the subscription now: only then is its period refunded.

    Without payment, or after a renewal that is reversed as a whole, there is nothing else to refund.
    """
    ends_anyway = ending_of(found.status) is not Ending.AT_PERIOD_END or found.renewed or found.unpaid
    return policy.ends == "now" and not (ends_anyway or found.fixed_term or found.owes)


def split(amount: int, paid: Iterable[int]) -> list[int]:
    """Return the part of an amount that each payment refunds, in order; together never more than was paid."""
    parts = []
    for each in paid:
        parts.append(max(0, min(amount, each)))
        amount -= parts[-1]
    return parts
