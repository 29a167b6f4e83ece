"""Figures as customers read them (FEATURES F24)."""

from datetime import date

from deployments.http.pages.safe_html import safe_html
from nodes.messages.figures import figures
from nodes.rules.blueprints.blueprint import Step
from nodes.rules.blueprints.facts import Value


def test_numbers_and_dates_are_written_out_and_texts_are_as_they_are() -> None:
    known: dict[str, Value] = {
        "videos": 1280.0,
        "hours": 2.5,
        "none": 0.0,
        "since": date(2026, 12, 24),
        "tier": "<Gold>",
        "beta": True,
    }
    assert figures(known, "en_US") == {
        "videos": "1,280",
        "hours": "2.5",
        "none": "0",
        "since": "December 24, 2026",
        "tier": "<Gold>",
    }


def test_a_text_has_its_figures_or_the_fallback() -> None:
    step = Step("offer", description={"": "You made **{videos}** videos."}, fallback={"": "Your videos stay."})

    def shown(known: dict[str, Value]) -> str:
        found = figures(known, "en")
        return safe_html(step.body("en", found) or "", found)

    assert shown({"videos": 28.0}) == "<p>You made <strong>28</strong> videos.</p>"
    assert shown({}) == "<p>Your videos stay.</p>"
