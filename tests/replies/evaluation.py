"""Measure the local model on the held-out replies: accuracy, calibration, coverage and confusions."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from nodes.clients.categories.local import category_of
from nodes.rules.reasons import STRIPE_FEEDBACK
from nodes.settings.replies import ReplySettings
from tests.replies.labelled import Labelled, labelled

HELD_OUT = ("held_out", "oblique", "later", "later_oblique")

# The rows of the report's first table, each with its parts or language.
_GROUPS = {
    "all": HELD_OUT,
    "usual words": ("held_out", "later"),
    "oblique": ("oblique", "later_oblique"),
    "written with the model": ("held_out", "oblique"),
    "written after it": ("later", "later_oblique"),
    **{language: (language,) for language in ("en", "de", "fr", "es")},
}
_EDGES = (0.0, 0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.01)


@dataclass(frozen=True)
class Outcome:
    """A held-out reply, and what the model made of it."""

    reply: Labelled
    category: str
    confidence: float

    @property
    def is_right(self) -> bool:
        return self.category == self.reply.category


def outcomes() -> list[Outcome]:
    """Return the model's outcome for every held-out reply."""
    found = [(reply, category_of(reply.text)) for reply in labelled(*HELD_OUT)]
    return [Outcome(reply, guess.category, guess.confidence) for reply, guess in found]


def accuracy(among: Sequence[Outcome]) -> float:
    """Return the share that is right; 0 for none."""
    return sum(each.is_right for each in among) / len(among) if among else 0.0


def calibration_error(among: Sequence[Outcome]) -> float:
    """Return the expected calibration error: how far confidence is from accuracy, by tenths, weighted by replies."""
    tenths = [[each for each in among if min(int(each.confidence * 10), 9) == tenth] for tenth in range(10)]
    return sum(abs(accuracy(bin_) - _mean(bin_)) * len(bin_) for bin_ in tenths if bin_) / len(among)


def certain(among: Sequence[Outcome]) -> list[Outcome]:
    """Return those with enough confidence by default; the others need attention."""
    minimum = ReplySettings.model_fields["reply_min_confidence"].default
    return [each for each in among if each.confidence >= minimum]


def report() -> str:
    """Return the whole report."""
    every = outcomes()
    summary = (
        f"{len(every)} held-out replies, {len(labelled('training'))} in training, "
        f"{len(labelled('calibration'))} for the temperature"
    )
    return "\n".join([summary, "", *_by_group(every), "", *_by_confidence(every), "", *_confusion(every)]) + "\n"


def _by_group(every: Sequence[Outcome]) -> list[str]:
    lines = ["replies                 count  accuracy  calibration error  certain  of these right"]
    for name, members in _GROUPS.items():
        among = [each for each in every if each.reply.part in members or each.reply.language in members]
        sure = certain(among)
        lines.append(
            f"{name:22}  {len(among):5}  {accuracy(among):8.1%}  {calibration_error(among):17.3f}  "
            f"{len(sure) / len(among):7.1%}  {accuracy(sure):14.1%}"
        )
    return lines


def _by_confidence(every: Sequence[Outcome]) -> list[str]:
    lines = ["confidence  replies  mean confidence  accuracy"]
    for low, high in pairwise(_EDGES):
        if among := [each for each in every if low <= each.confidence < high]:
            lines.append(
                f"{low:.1f} to {min(high, 1):.1f}  {len(among):7}  {_mean(among):15.2f}  {accuracy(among):8.1%}"
            )
    return lines


def _confusion(every: Sequence[Outcome]) -> list[str]:
    lines = ["labelled \\ sorted as  " + " ".join(f"{name[:8]:>8}" for name in STRIPE_FEEDBACK)]
    for label in STRIPE_FEEDBACK:
        counts = [
            sum(each.reply.category == label and each.category == name for each in every) for name in STRIPE_FEEDBACK
        ]
        lines.append(f"{label:20}  " + " ".join(f"{count or '.':>8}" for count in counts))
    return lines


def _mean(among: Sequence[Outcome]) -> float:
    return sum(each.confidence for each in among) / len(among)
