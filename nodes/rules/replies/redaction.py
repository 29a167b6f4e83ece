"""Remove what may identify a customer from a text before it leaves for another company's model."""

import re
from collections.abc import Callable, Iterable

_FIXED = (
    (re.compile(r"\S{1,200}@\S{1,200}"), "[email]"),
    (re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE), "[link]"),
    (re.compile(r"(?<!\w)@\w+"), "[name]"),
    # Every token with a digit, and a run of them as one: amounts, telephone numbers, dates, account numbers.
    (re.compile(r"(?<!\w)\w*\d\w*(?:[ ().,:/-]{1,3}\w*\d\w*)*"), "[number]"),
)
_INTRODUCED = re.compile(
    r"\b(my name is|my name's|this is|mein name ist|ich hei(?:ß|ss)e|je m'appelle|je suis|me llamo|mi nombre es|soy)"
    r" [^\W\d_]+",
    re.IGNORECASE,
)
WORD = re.compile(r"[^\W\d_]+(?:['\u2019-][^\W\d_]+)*")
_REPEATED = re.compile(r"\[name\](?:[ .,-]{1,2}\[name\])+")


def redacted(text: str, *, names: Iterable[str] = (), ordinary: Callable[[str], bool]) -> str:
    """Return the text with `[name]`, `[email]`, `[link]` and `[number]` in place of what may identify a person.

    `names`: those known from the customer's record, removed in any spelling of case. `ordinary`: whether a word is no
    name; every other capitalised word is taken for one, which also removes products' names and rare words. A name in
    lower case that is neither known nor introduced ("my name is …") stays.
    """
    for pattern, label in _FIXED:
        text = pattern.sub(label, text)
    text = _INTRODUCED.sub(r"\1 [name]", text)
    known = {part.casefold() for name in names for part in WORD.findall(name) if len(part) > 1}

    def shown(found: re.Match[str]) -> str:
        word = found[0]
        if found.string[found.start() - 1 : found.start()] == "[":  # one of our labels
            return word
        is_name = word.casefold() in known or (word[0].isupper() and len(word) > 1 and not ordinary(word))
        return "[name]" if is_name else word

    return _REPEATED.sub("[name]", WORD.sub(shown, text))
