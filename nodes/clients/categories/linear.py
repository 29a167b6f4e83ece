"""A multinomial logistic regression over features, with a temperature that calibrates its confidence."""

import math
from collections.abc import Mapping, Sequence

from nodes.rules.reasons import STRIPE_FEEDBACK

# For each feature a weight per category, in the order of STRIPE_FEEDBACK; BIAS is a feature of every text.
Weights = Mapping[str, Sequence[float]]
BIAS = ""


def probabilities(features: Mapping[str, float], weights: Weights, temperature: float = 1.0) -> list[float]:
    """Return a probability per category. A temperature above 1 makes the model less sure of itself."""
    scores = [0.0] * len(STRIPE_FEEDBACK)
    for feature, value in (BIAS, 1.0), *features.items():
        for at, weight in enumerate(weights.get(feature, ())):
            scores[at] += weight * value
    most = max(scores)
    shares = [math.exp((score - most) / temperature) for score in scores]
    total = math.fsum(shares)
    return [share / total for share in shares]
