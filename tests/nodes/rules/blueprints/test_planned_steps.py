"""A blueprint's steps when each offer is decided at the start (FEATURES F03, F04)."""

from nodes.rules.blueprints.blueprint import CONFIRM, Blueprint, Reason, Step
from nodes.rules.blueprints.planned_steps import PlannedStep, planned_steps
from nodes.rules.reasons import PREFER_NOT_TO_SAY

ELIGIBLE = {"save30": "discount", "save10": "discount", "pause": "pause", "talk": "contact"}


def reason(code: str, *offers: str) -> Reason:
    return Reason(code, "To be tested.", {"": code}, "other", offers=offers)


SURVEY = Step("survey", reasons=(reason("price", "discount"), reason("break", "pause"), reason("gone")))
OFFER = Step("offer")


def planned(*steps: Step, eligible: dict[str, str] = ELIGIBLE) -> list[PlannedStep]:
    return planned_steps(Blueprint("usual", steps), eligible)


def test_after_the_survey_the_offer_follows_from_the_reason() -> None:
    wanted = {"price": "save30", "break": "pause", PREFER_NOT_TO_SAY: "save30"}
    assert planned(SURVEY, OFFER, CONFIRM) == [PlannedStep(0, SURVEY, by_reason=wanted), PlannedStep(2, CONFIRM)]


def test_a_reason_gets_the_offer_of_the_first_later_step_that_has_one() -> None:
    first, second = Step("offer", offers=("discount",)), Step("offer", offers=("pause",))
    [survey, _] = planned(SURVEY, first, second, CONFIRM)
    assert survey.by_reason == {"price": "save30", "break": "pause", PREFER_NOT_TO_SAY: "save30"}


def test_without_a_later_offer_step_no_reason_has_an_offer() -> None:
    assert planned(SURVEY, CONFIRM)[0].by_reason == {}


def test_an_offer_before_the_survey_is_not_repeated_after_it() -> None:
    [first, survey, _] = planned(Step("offer", offers=("save30",)), SURVEY, OFFER, CONFIRM)
    assert first.offer == "save30"
    assert survey.by_reason == {"price": "save10", "break": "pause", PREFER_NOT_TO_SAY: "save10"}


def test_there_are_at_most_two_offers() -> None:
    steps = planned(OFFER, OFFER, OFFER, SURVEY, OFFER, CONFIRM)
    assert [each.offer for each in steps] == ["save30", "save10", None, None]
    assert steps[2].by_reason == {}


def test_without_offers_the_steps_that_show_them_are_left_out() -> None:
    assert [each.step.kind for each in planned(OFFER, SURVEY, OFFER, CONFIRM, eligible={})] == ["survey", "confirm"]


def test_the_last_step_confirms() -> None:
    assert planned(SURVEY)[-1] == PlannedStep(1, CONFIRM)
