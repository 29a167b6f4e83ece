"""A blueprint's steps for a page that gets all of them at the start, so that each offer is decided beforehand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from nodes.rules.blueprints.blueprint import CONFIRM, Blueprint, Reason, Step
from nodes.rules.blueprints.screens import Passed, offers_for
from nodes.rules.reasons import PREFER_NOT_TO_SAY


@dataclass(frozen=True)
class PlannedStep:
    """A step. `offer`: the id of an offer step's offer. `by_reason`: of a survey, the offer that follows each code."""

    place: int
    step: Step
    offer: str | None = None
    by_reason: Mapping[str, str] = field(default_factory=dict)


def planned_steps(blueprint: Blueprint, eligible: Mapping[str, str]) -> list[PlannedStep]:
    """Return the steps, the last of which confirms the cancellation.

    Each offer is the best one that a screen would show (`offers_for`), so a customer sees at most two, and none twice.
    After the survey, the offer follows from the reason. `eligible`: as for `next_screen`.
    """
    steps = blueprint.steps if any(each.kind == "confirm" for each in blueprint.steps) else (*blueprint.steps, CONFIRM)
    found: list[PlannedStep] = []
    passed: list[Passed] = []
    asked = False
    for place, step in enumerate(steps):
        if step.kind == "survey":
            later = [each for each in steps[place + 1 :] if each.kind == "offer"]
            found.append(PlannedStep(place, step, by_reason=_by_reason(step, later, eligible, passed)))
            asked = True
        elif step.kind != "offer":
            found.append(PlannedStep(place, step))
        elif not asked and (offers := offers_for(step, None, eligible, passed)):
            found.append(PlannedStep(place, step, offer=offers[0]))
            passed.append(Passed(place, offers=offers[:1]))
    return found


def _by_reason(
    survey: Step, later: Sequence[Step], eligible: Mapping[str, str], passed: Sequence[Passed]
) -> dict[str, str]:
    """Return the first offer that one of the later steps would show for each reason, and for none."""
    reasons: dict[str, Reason | None] = {each.code: each for each in survey.reasons} | {PREFER_NOT_TO_SAY: None}
    fitting = {
        code: [offers[0] for step in later if (offers := offers_for(step, reason, eligible, passed))]
        for code, reason in reasons.items()
    }
    return {code: offers[0] for code, offers in fitting.items() if offers}
