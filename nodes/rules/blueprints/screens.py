"""What the cancel page shows next, decided from the blueprint and the steps that a session has passed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from nodes.rules.blueprints.blueprint import Blueprint, Reason, Step

MAX_OFFER_SCREENS = 2  # FEATURES F04


@dataclass(frozen=True)
class Passed:
    """A step that the customer has passed. `place`: in the blueprint, from 0. `reason`: the code they chose.

    `offers`: the ids that were shown and declined.
    """

    place: int
    reason: str | None = None
    offers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Screen:
    """A step to show. `offers`: the ids that fit, the best first."""

    place: int
    step: Step
    offers: tuple[str, ...] = ()


def next_screen(blueprint: Blueprint, passed: Sequence[Passed], eligible: Mapping[str, str]) -> Screen | None:
    """Return the step after those passed; None if none is left, and the subscription is to be cancelled.

    An offer step for which no offer is left is skipped.

    Args:
        blueprint: the session's.
        passed: in any order.
        eligible: the kind of each offer that is available for the subscription, by id, in the catalogue's order.
    """
    for place, step in _left(blueprint, passed):
        offers = offers_for(step, _reason(blueprint, passed), eligible, passed) if step.kind == "offer" else ()
        if offers or step.kind != "offer":
            return Screen(place, step, offers)
    return None


def next_required(blueprint: Blueprint, passed: Sequence[Passed]) -> Screen | None:
    """Return the next step that the company requires before a plain "Cancel my subscription"; None: cancel now."""
    return next((Screen(place, step) for place, step in _left(blueprint, passed) if step.required), None)


def step_at(blueprint: Blueprint, passed: Sequence[Passed], place: str) -> Screen | None:
    """Return the step at a place that a form names, if the customer can be there: not passed, nor after a required."""
    required = next_required(blueprint, passed)
    last = required.place if required else len(blueprint.steps)
    found = (Screen(at, step) for at, step in _left(blueprint, passed) if str(at) == place and at <= last)
    return next(found, None)


def required_left(blueprint: Blueprint, passed: Sequence[Passed]) -> tuple[int, ...]:
    """Return the places of the steps that the company requires before a plain "Cancel my subscription"."""
    return tuple(place for place, step in _left(blueprint, passed) if step.required)


def offers_for(
    step: Step, reason: Reason | None, eligible: Mapping[str, str], passed: Sequence[Passed]
) -> tuple[str, ...]:
    """Return the ids of the offers that an offer step may show, the best first (FEATURES F03, F04).

    They are available, fit both the step and the customer's reason, and weren't shown before. The reason's order counts
    first, then the step's, then the catalogue's. `eligible`: as for `next_screen`.
    """
    shown = [each.offers for each in passed if each.offers]
    if len(shown) >= MAX_OFFER_SCREENS:
        return ()
    found = [each for each in eligible if not any(each in screen for screen in shown)]
    for wanted in (step.offers, reason.offers if reason else None):
        if wanted is not None:
            found = _named(found, wanted, eligible)
    return tuple(found)


def _named(offers: Iterable[str], wanted: Iterable[str], kinds: Mapping[str, str]) -> list[str]:
    found = [each for name in wanted for each in offers if name in (each, kinds[each])]
    return list(dict.fromkeys(found))


def _left(blueprint: Blueprint, passed: Sequence[Passed]) -> list[tuple[int, Step]]:
    last = max((each.place for each in passed), default=-1)
    return list(enumerate(blueprint.steps))[last + 1 :]


def _reason(blueprint: Blueprint, passed: Sequence[Passed]) -> Reason | None:
    """Return the chosen reason; None if there is none yet, or if the customer prefers not to say."""
    codes = [each.reason for each in passed if each.reason]
    return blueprint.reasons.get(codes[-1]) if codes else None
