"""Texts with figures, and which screen comes next (FEATURES F03, F04, F24)."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from nodes.rules.blueprints.blueprint import Blueprint, Reason, Step, figures_in, with_figures
from nodes.rules.blueprints.screens import Passed, Screen, next_required, next_screen, offers_for

# As in the catalogue's order.
ELIGIBLE = {
    "retention-offer": "discount",
    "half-price": "discount",
    "pause": "pause",
    "annual": "plan_change",
    "talk": "contact",
}


def reason(code: str, *offers: str) -> Reason:
    return Reason(code, "It is a reason.", {"": code}, "other", offers=offers)


PRICE = reason("price", "discount", "plan_change")
BROKEN = reason("broken", "contact")
GONE = reason("gone")
ANY = Reason("any", "It is a reason.", {"": "any"}, "other")

SURVEY = Step("survey", reasons=(PRICE, BROKEN, GONE, ANY))
OFFER = Step("offer")
CONFIRM = Step("confirm")
USUAL = Blueprint("usual", (SURVEY, OFFER, OFFER, CONFIRM))


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (PRICE, ("retention-offer", "half-price", "annual")),
        (BROKEN, ("talk",)),
        (GONE, ()),
        (ANY, tuple(ELIGIBLE)),
        (None, tuple(ELIGIBLE)),
        (reason("order", "annual", "discount"), ("annual", "retention-offer", "half-price")),
        (reason("best first", "half-price", "discount"), ("half-price", "retention-offer")),
        (reason("not eligible", "trial_extension"), ()),
    ],
)
def test_a_reason_leads_to_the_offers_that_fit_it(chosen: Reason | None, expected: tuple[str, ...]) -> None:
    assert offers_for(OFFER, chosen, ELIGIBLE, []) == expected


@pytest.mark.parametrize(
    ("wanted", "chosen", "expected"),
    [
        (("pause", "discount"), None, ("pause", "retention-offer", "half-price")),
        (("pause", "half-price", "annual"), PRICE, ("half-price", "annual")),
        (("pause",), BROKEN, ()),
        ((), ANY, ()),
    ],
)
def test_an_offer_fits_both_the_step_and_the_reason(
    wanted: tuple[str, ...], chosen: Reason | None, expected: tuple[str, ...]
) -> None:
    assert offers_for(Step("offer", offers=wanted), chosen, ELIGIBLE, []) == expected


def test_an_offer_is_shown_once() -> None:
    passed = [Passed(0, reason="price"), Passed(1, offers=("half-price",))]
    assert offers_for(OFFER, PRICE, ELIGIBLE, passed) == ("retention-offer", "annual")


def test_a_third_offer_is_never_shown() -> None:
    many = Blueprint("many", (OFFER,) * 4)
    passed: list[Passed] = []
    while screen := next_screen(many, passed, ELIGIBLE):
        passed.append(Passed(screen.place, offers=screen.offers[:1]))
    assert [each.offers for each in passed] == [("retention-offer",), ("half-price",)]
    assert offers_for(OFFER, None, ELIGIBLE, passed) == ()


@given(
    steps=some.lists(
        some.sampled_from([SURVEY, OFFER, Step("offer", offers=("pause", "annual")), CONFIRM]), min_size=1
    ),
    codes=some.lists(some.sampled_from(["price", "broken", "gone", "any", "prefer_not_to_say"]), min_size=1),
    eligible=some.sets(some.sampled_from(sorted(ELIGIBLE))),
    shown=some.integers(1, 5),
)
def test_every_session_ends_in_order_with_two_offers_at_most(
    steps: list[Step], codes: list[str], eligible: set[str], shown: int
) -> None:
    blueprint, kinds = Blueprint("any", tuple(steps)), {each: ELIGIBLE[each] for each in ELIGIBLE if each in eligible}
    passed: list[Passed] = []
    while screen := next_screen(blueprint, passed, kinds):
        code = codes[len(passed) % len(codes)] if screen.step.kind == "survey" else None
        passed.append(Passed(screen.place, code, screen.offers[:shown]))
    places, offers = [each.place for each in passed], [each.offers for each in passed if each.offers]
    assert places == sorted(set(places))
    assert {place for place, step in enumerate(steps) if step.kind != "offer"} <= set(places)
    assert len(offers) <= 2
    together = [each for screen in offers for each in screen]
    assert len(together) == len(set(together))
    assert set(together) <= eligible


@pytest.mark.parametrize(
    ("passed", "eligible", "expected"),
    [
        ([], ELIGIBLE, Screen(0, SURVEY)),
        ([Passed(0)], ELIGIBLE, Screen(1, OFFER, tuple(ELIGIBLE))),
        ([Passed(0, reason="broken")], ELIGIBLE, Screen(1, OFFER, ("talk",))),
        ([Passed(0, reason="prefer_not_to_say")], ELIGIBLE, Screen(1, OFFER, tuple(ELIGIBLE))),
        ([Passed(0, reason="gone")], ELIGIBLE, Screen(3, CONFIRM)),
        ([Passed(0, reason="price")], {}, Screen(3, CONFIRM)),
        ([Passed(1, offers=("talk",)), Passed(0, reason="broken")], ELIGIBLE, Screen(3, CONFIRM)),
        ([Passed(0), Passed(1, offers=tuple(ELIGIBLE))], ELIGIBLE, Screen(3, CONFIRM)),
        ([Passed(3)], ELIGIBLE, None),
    ],
)
def test_the_next_screen_follows_from_the_steps_passed(
    passed: list[Passed], eligible: dict[str, str], expected: Screen | None
) -> None:
    assert next_screen(USUAL, passed, eligible) == expected


REQUIRED = Step("survey", required=True, reasons=(PRICE,))
WRITTEN = Step("feedback", required=True, min_length=10)


@pytest.mark.parametrize(
    ("steps", "passed", "place"),
    [
        ((SURVEY, OFFER, CONFIRM), [], None),
        ((OFFER, REQUIRED, CONFIRM), [], 1),
        ((OFFER, REQUIRED, CONFIRM), [Passed(1, reason="price")], None),
        ((OFFER, REQUIRED, CONFIRM, WRITTEN), [Passed(0), Passed(1)], 3),
    ],
)
def test_a_plain_cancellation_passes_only_what_the_company_requires(
    steps: tuple[Step, ...], passed: list[Passed], place: int | None
) -> None:
    screen = next_required(Blueprint("required", steps), passed)
    assert (screen.place if screen else None) == place


COUNTED = Step(
    "offer",
    description={"en": "You made {videosCreated} videos.", "de": "{videosCreated} Videos in {weeks} Wochen."},
    fallback={"en": "Stay with us.", "de": "Bleiben Sie."},
)


@pytest.mark.parametrize(
    ("locale", "figures", "expected"),
    [
        ("en_US", {"videosCreated"}, "You made {videosCreated} videos."),
        ("en_US", {"weeks"}, "Stay with us."),
        ("de_DE", {"videosCreated"}, "Bleiben Sie."),
        ("de_DE", {"videosCreated", "weeks"}, "{videosCreated} Videos in {weeks} Wochen."),
        ("fr", set(), "Stay with us."),
    ],
)
def test_a_text_with_a_missing_figure_is_replaced(locale: str, figures: set[str], expected: str) -> None:
    assert COUNTED.body(locale, figures) == expected


def test_a_step_without_a_description_has_no_body() -> None:
    assert Step("confirm").body("en") is None


def test_figures_are_replaced_by_name() -> None:
    assert figures_in("{a} and {b_2}, not { c }, {1} or {é}") == {"a", "b_2"}
    assert with_figures("{a}{b}{a}", {"a": "{b}"}) == "{b}{b}{b}"
