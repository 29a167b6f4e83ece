"""Train the local model: `make train-replies` writes nodes/clients/categories/weights.json.

Plain Python, without chance: the same labelled replies and word groups give the same file. Stochastic gradient descent
with a fixed order, and the temperature that makes the calibration part likeliest.
"""

import json
import math
from collections import Counter
from pathlib import Path

from nodes.clients.categories.features import features, in_a_group
from nodes.clients.categories.linear import BIAS, Weights, probabilities
from nodes.rules.reasons import STRIPE_FEEDBACK
from nodes.rules.replies.plain_words import plain
from nodes.rules.replies.redaction import WORD
from tests.replies.labelled import Labelled, labelled

WEIGHTS = Path(__file__).parents[2] / "nodes" / "clients" / "categories" / "weights.json"

# Chosen by cross-validation on the training part.
EPOCHS = 40
RATE, SLOWER = 0.3, 0.1
DECAY = 0.02
FEWEST_TEXTS = 3  # a word in fewer texts is no feature
TEMPERATURES = [0.5 + 0.05 * step for step in range(71)]

Example = tuple[dict[str, float], int]


def trained() -> str:
    """Return the content of the weights' file."""
    weights = fitted([_example(each) for each in labelled("training")])
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(weights[name])}" for name in sorted(weights))
    ordinary = json.dumps(" ".join(_ordinary(labelled("training"))))
    temperature = fitted_temperature([_example(each) for each in labelled("calibration")], weights)
    return f'{{"temperature": {temperature},\n"ordinary": {ordinary},\n"weights": {{\n{lines}\n}}}}\n'


def fitted(examples: list[Example]) -> Weights:
    """Return the weights for these examples, with two decimals."""
    texts = Counter(feature for found, _ in examples for feature in found)
    kept = [
        ({name: value for name, value in found.items() if name[0] == "=" or texts[name] >= FEWEST_TEXTS}, category)
        for found, category in examples
    ]
    weights = {name: [0.0] * len(STRIPE_FEEDBACK) for found, _ in kept for name in (BIAS, *found)}
    for epoch in range(EPOCHS):
        rate = RATE / (1 + SLOWER * epoch)
        # Every step visits the categories in turn, since the file has one after the other.
        for at in _mixed(len(kept)):
            _learn(*kept[at], weights, rate)
        for row in weights.values():
            row[:] = [weight * (1 - rate * DECAY) for weight in row]
    return {name: [round(weight, 2) + 0.0 for weight in row] for name, row in weights.items()}


def fitted_temperature(examples: list[Example], weights: Weights) -> float:
    """Return the temperature under which the examples' categories are likeliest."""

    def loss(temperature: float) -> float:
        return math.fsum(-math.log(probabilities(found, weights, temperature)[at]) for found, at in examples)

    best: float = min(TEMPERATURES, key=loss)
    return round(best, 2)


def _learn(found: dict[str, float], category: int, weights: dict[str, list[float]], rate: float) -> None:
    errors = [(at == category) - share for at, share in enumerate(probabilities(found, weights))]
    for name, value in ((BIAS, 1.0), *found.items()):
        row = weights[name]
        for at, error in enumerate(errors):
            row[at] += rate * value * error


def _mixed(count: int) -> list[int]:
    """Return the numbers below `count` in a fixed order without neighbours: steps of a prime that doesn't divide it."""
    return [at * 7919 % count for at in range(count)]


def _example(reply: Labelled) -> Example:
    return features(reply.text), STRIPE_FEEDBACK.index(reply.category)


def _ordinary(replies: list[Labelled]) -> list[str]:
    """Return the words that occur in lower case, so that they are no names; those in a word group are known anyway."""
    words = {word for each in replies for word in WORD.findall(each.text) if word[0].islower()}
    return sorted({plain(word) for word in words if not in_a_group(word)})


if __name__ == "__main__":
    WEIGHTS.write_text(trained(), "utf-8")
