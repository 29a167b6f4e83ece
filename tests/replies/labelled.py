"""The labelled replies: written for this repository, each with its part, category and language.

`training` makes the weights, `calibration` only the temperature; the other parts are only for evaluating. `oblique` and
`later_oblique` avoid the usual words. The category is the reason that decided, where a reply has several. A new line in
a reply is written as `\\n`.

All have the same author, so they resemble each other more than customers' own replies would. `held_out` and `oblique`
were written with the model, `oblique` when its groups of words were complete. `later` and `later_oblique` were written
when the model was finished, by an author who had read `held_out` and `oblique`, but not its groups of words or weights;
the model was not changed afterwards. Three that repeated a reply of the training almost word for word were replaced,
before the model sorted any.
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
