"""A category that a model gave to a reply."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Categorized:
    """One of Stripe's eight feedback codes, and how likely it is right, from 0 to 1, as the model reports it."""

    category: str
    confidence: float
