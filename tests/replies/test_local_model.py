"""The model that ships: made from the labelled replies, measured on replies that it has never seen."""

import asyncio
import json
import math
from collections import Counter

import pytest

from nodes.clients.categories.categorizer import categorizer
from nodes.clients.categories.features import features
from nodes.clients.categories.local import LocalModel, category_of
from nodes.rules.reasons import STRIPE_FEEDBACK
from nodes.settings.replies import ReplySettings
from tests.replies.evaluation import HELD_OUT, accuracy, calibration_error, certain, outcomes, report
from tests.replies.labelled import labelled
from tests.replies.training import WEIGHTS, trained

PARTS = ("training", "calibration", *HELD_OUT)


def test_the_shipped_weights_are_what_the_training_makes_of_the_labelled_replies() -> None:
    assert WEIGHTS.read_text("utf-8") == trained()
    assert WEIGHTS.stat().st_size < 300_000


def test_the_labelled_replies_cover_every_category_and_language() -> None:
    held_out = labelled(*HELD_OUT)
    assert len(labelled(*PARTS)) >= 400
    assert len(held_out) >= 300
    assert Counter(each.category for each in held_out) == dict.fromkeys(STRIPE_FEEDBACK, 48)
    assert {each.language for each in held_out} == {"en", "de", "fr", "es"}


@pytest.mark.slow
def test_no_held_out_reply_is_or_resembles_one_of_the_training() -> None:
    seen = [_pieces(each.text) for each in labelled("training", "calibration")]
    alike = [
        each.text for each in labelled(*HELD_OUT) if max(_likeness(_pieces(each.text), other) for other in seen) > 0.5
    ]
    assert alike == []


def test_the_model_is_as_good_as_the_readme_says() -> None:
    every = outcomes()
    later = [each for each in every if each.reply.part.startswith("later")]
    assert accuracy(every) >= 0.68
    assert accuracy(later) >= 0.62
    assert accuracy(certain(every)) >= 0.9
    assert accuracy(certain(later)) >= 0.85
    assert len(certain(every)) / len(every) >= 0.45
    assert calibration_error(every) <= 0.1


def test_a_reply_without_the_usual_words_is_left_to_a_person() -> None:
    oblique = [each for each in outcomes() if each.reply.part.endswith("oblique")]
    assert len(oblique) == 64
    assert len(certain(oblique)) <= 2


def test_the_report_has_every_held_out_reply_in_its_confusion_matrix() -> None:
    rows = report().split("labelled \\ sorted as")[1].splitlines()[1:]
    assert [row.split()[0] for row in rows] == list(STRIPE_FEEDBACK)
    assert sum(int(count) for row in rows for count in row.split()[1:] if count != ".") == len(outcomes())


def test_a_text_without_a_known_word_is_left_to_a_person() -> None:
    minimum = ReplySettings().reply_min_confidence
    assert [text for text in ("", "…", "Zxqv bnmk", "\0", "💔") if category_of(text).confidence >= minimum] == []


def test_case_accents_and_apostrophes_make_no_difference() -> None:
    assert features("GEBÜHR, can\u2019t AFFORD") == features("gebuhr can't afford")


def test_confidence_is_a_probability() -> None:
    found = [category_of(each.text) for each in labelled(*HELD_OUT)]
    assert all(each.category in STRIPE_FEEDBACK and 0 < each.confidence <= 1 for each in found)
    assert all(math.isfinite(weight) for row in json.loads(WEIGHTS.read_text())["weights"].values() for weight in row)


def test_without_an_endpoint_the_local_model_is_used() -> None:
    model = categorizer(ReplySettings())
    assert isinstance(model, LocalModel)
    found = asyncio.run(model.categorize("Way too expensive for us.", names=()))
    assert found is not None and found.category == "too_expensive"


def _likeness(one: frozenset[str], other: frozenset[str]) -> float:
    shared = len(one & other)
    return shared / (len(one) + len(other) - shared)


def _pieces(text: str) -> frozenset[str]:
    plain = " ".join(text.casefold().split())
    return frozenset(plain[at : at + 5] for at in range(max(len(plain) - 4, 1)))
