"""The labelled replies: written for this repository, each with its part, category and language.

`training` makes the weights, `calibration` only the temperature; `held_out` and `oblique` are only for evaluating. The
oblique ones avoid the usual words. The category is the reason that decided, where a reply has several. A new line in a
reply is written as `\\n`.

All have the same author, so they resemble each other more than customers' own replies would. Of the 384 for evaluating,
the first 192 were written with the model, their oblique ones when the groups of words were complete. The other 192, at
the end of the file, were written when the model was finished, by an author who had read the first 192 but not its
groups of words or weights; the model was not changed afterwards. Three that repeated a reply of the training almost
word for word were replaced, before the model sorted any.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

_FILE = Path(__file__).parent / "labelled_replies.tsv"


@dataclass(frozen=True)
class Labelled:
    """A reply and the category that a person gave it."""

    part: str
    category: str
    language: str
    text: str


def labelled(*parts: str) -> list[Labelled]:
    """Return the replies of these parts, in the file's order."""
    with _FILE.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        found = [Labelled(**{**row, "text": row["text"].replace("\\n", "\n")}) for row in rows]
    return [each for each in found if each.part in parts]
