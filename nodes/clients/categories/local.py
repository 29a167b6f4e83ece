"""The model that needs no network: it was trained on the labelled replies in tests/replies (DECISIONS)."""

import json
from functools import cache
from importlib.resources import files
from typing import Any

from nodes.clients.categories.features import features, in_a_group
from nodes.clients.categories.linear import probabilities
from nodes.clients.categories.result import Categorized
from nodes.rules.reasons import STRIPE_FEEDBACK
from nodes.rules.replies.plain_words import plain


class LocalModel:
    """A linear model, whose weights ship with the product. No text leaves the process."""

    name = "local"

    async def categorize(self, text: str, *, names: tuple[str, ...] = ()) -> Categorized:
        """Return the likeliest category."""
        return category_of(text)

    async def close(self) -> None:
        """Return at once: there is nothing to close."""


def category_of(text: str) -> Categorized:
    """Return the local model's category for a text, and its calibrated confidence."""
    model = _model()
    confidence, category = max(
        zip(probabilities(features(text), model["weights"], model["temperature"]), STRIPE_FEEDBACK, strict=True)
    )
    return Categorized(category, round(confidence, 3))


def is_ordinary(word: str) -> bool:
    """Return whether a word is no name: a group has it, or the labelled replies have it in lower case."""
    return plain(word) in _ordinary() or in_a_group(word)


@cache
def _ordinary() -> frozenset[str]:
    return frozenset(_model()["ordinary"].split())


@cache
def _model() -> dict[str, Any]:
    model: dict[str, Any] = json.loads(files(__package__).joinpath("weights.json").read_text("utf-8"))
    return model
