"""The steps of the cancel page as data: a company's blueprints (FEATURES C20, C35)."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from nodes.rules.texts import Texts, text_in

StepKind = Literal["offer", "survey", "feedback", "confirm"]

# `{videosCreated}` in a text: a figure from a declared attribute.
_FIGURE = re.compile(r"\{([A-Za-z_]\w*)\}", re.ASCII)


@dataclass(frozen=True)
class Reason:
    """A reason that customers can choose. `meaning`: an internal sentence, the same forever (FEATURES F27).

    `stripe`: one of Stripe's feedback codes. `feedback_option`: one of the account's own, beside it (FEATURES F22).
    `offers`: the kinds or ids of the offers that fit, in order; None: all.
    """

    code: str
    meaning: str
    label: Texts
    stripe: str
    feedback_option: str | None = None
    follow_up: Texts | None = None
    offers: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Step:
    """A step of a blueprint. `description`: Markdown or HTML, by language; the other texts are plain.

    `fallback`: instead of a description that names a missing figure. `required`: of a survey or feedback. `reasons`: of
    a survey. `min_length` and `placeholder`: of feedback. `offers`: of an offer, as in `Reason`.
    """

    kind: StepKind
    title: Texts | None = None
    description: Texts | None = None
    fallback: Texts | None = None
    required: bool = False
    reasons: tuple[Reason, ...] = ()
    min_length: int = 0
    placeholder: Texts | None = None
    offers: tuple[str, ...] | None = None

    def body(self, locale: str | None, figures: Collection[str] = ()) -> str | None:
        """Return the description; the fallback if it names a figure that isn't among these (FEATURES F24)."""
        if self.description is None:
            return None
        text = text_in(self.description, locale)
        if self.fallback is None or figures_in(text).issubset(figures):
            return text
        return text_in(self.fallback, locale)


# The last step of every session, if its blueprint ends without one.
CONFIRM = Step("confirm")


@dataclass(frozen=True)
class Blueprint:
    """The steps for an audience, a CEL expression. `name`: the file's, without its ending."""

    name: str
    steps: tuple[Step, ...]
    audience: str | None = None

    @property
    def reasons(self) -> dict[str, Reason]:
        """The reasons of its survey, by code."""
        return {reason.code: reason for step in self.steps for reason in step.reasons}


def figures_in(text: str) -> set[str]:
    """Return the names of the figures that a text contains."""
    return set(_FIGURE.findall(text))


def with_figures(text: str, figures: dict[str, str]) -> str:
    """Return the text with these figures in place of their names."""
    return _FIGURE.sub(lambda found: figures.get(found[1], found[0]), text)
