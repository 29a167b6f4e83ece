"""What the local model sees of a reply: groups of words that mean the same in four languages, and single words.

`word_groups.txt` has a group a line: `word`, `word*` for every word that begins so, and `two_words` for a phrase. With
a few hundred labelled replies, a model can't learn by itself that "teuer" and "can't afford" are one thing.
"""

import re
from functools import cache
from importlib.resources import files

from nodes.rules.replies.plain_words import plain, plain_words

# A group counts more than a single word, of which one may stand in few of the labelled replies.
GROUP, WORD = 1.0, 0.4
MOST_CHARACTERS = 5000

_NUMBER = re.compile(r"\d+")


def features(text: str) -> dict[str, float]:
    """Return the groups that occur, written `=group`, and the words, each with its weight in the text."""
    written = _NUMBER.sub("0", plain(text[:MOST_CHARACTERS]))
    found = {f"={name}": GROUP for name, pattern in _groups() if pattern.search(written)}
    return found | dict.fromkeys(plain_words(written), WORD)


def in_a_group(word: str) -> bool:
    """Return whether a single word belongs to a group."""
    written = plain(word)
    return any(pattern.fullmatch(written) for _, pattern in _groups())


@cache
def _groups() -> tuple[tuple[str, re.Pattern[str]], ...]:
    lines = files(__package__).joinpath("word_groups.txt").read_text("utf-8").splitlines()
    named = (line.partition(": ") for line in lines)
    return tuple((name, _pattern(entries.split())) for name, _, entries in named)


def _pattern(entries: list[str]) -> re.Pattern[str]:
    written = (plain(entry).replace("_", " ") for entry in entries)
    either = "|".join(re.escape(each.rstrip("*")) + (r"\w*" if each.endswith("*") else "") for each in written)
    return re.compile(rf"(?<!\w)(?:{either})(?!\w)")
