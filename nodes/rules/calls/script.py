"""What a call's script may say (FEATURES A10 to A12, A16, A18, A19)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from nodes.rules.reason_classes import REASON_CLASSES

SECTIONS = ("opening", "disclosure", "question", *REASON_CLASSES, "access", "closing", "voicemail")

MOST_WORDS = 20  # in a line: longer ones are hard to follow by ear
VOICEMAIL_SECONDS = 20.0
WORDS_PER_SECOND = 2.5  # 150 words a minute, a calm speaking pace

_HEADING = re.compile(r"##\s+(\S.*)")
_WORD = re.compile(r"[^\W_]+(?:['\u2019.-][^\W_]+)*")
_DISCLOSES = re.compile(r"\b(AI|artificial intelligence)\b")
_PHONE_NUMBER = r"[+(]?\d(?:[ ().-]*\d){6,}"
_CALL_BACK = re.compile(
    rf"""\b(call|phone|ring|dial)\b[^.?!]*\b(back|us|me)\b | (?<!\bno\s)\bcall-?backs?\b
    | \breturn\b[^.?!]*\bcall\b | \bgive\s+(?!you\b)(\w+\s+){{1,3}}a\s+(\w+\s+)?(call|ring)\b
    | \b(reach|contact|talk\s+to|speak\s+(to|with))\s+(us|me|our|the)\b[^.?!]*(\bphone\b|{_PHONE_NUMBER})""",
    re.I | re.X,
)
# As in "call our office" or "calling 555-0100", unless what goes before says that it isn't the customer who is to call:
# "we won't call", "you asked us to call", "you don't need to call", "thanks for the short call".
_CALLS = re.compile(
    rf"\b(call|phone|ring|dial|calling|phoning|ringing|dialling|dialing)\s+"
    rf"((the|our|my|any|this|that|these)\b|support\b|{_PHONE_NUMBER})",
    re.I,
)
_NOT_THEIRS = re.compile(
    r"""(\b(we|I)\b(['\u2019]\w+)?(\s+(?!(you|and|or|so|please|just|simply)\b)[\w'\u2019]+){0,3}
    | \b(us|me)(\s+not)?\s+to | (\bno|\bnot|n['\u2019]t)(\s+\w+)?\s+(need|have)\s+to
    | \b(a|an|the|this|that|our|your|my|any|no|one|another)(\s+(?!(to|and|or|so|please|just|simply)\b)\w+){0,2})\s+$""",
    re.I | re.X,
)
_NEVER_ALOUD = re.compile(r"\b(retention|sav(?:e|es|ed|ing)|win[- ]?back|churn\w*)\b", re.I)
_DISCOUNT = re.compile(r"\b(discounts?|coupons?|cheaper|lower price|half price|per ?cent off)\b|% off", re.I)


@dataclass(frozen=True)
class Line:
    """A line that is spoken, and where it stands in the file, counted from 1."""

    number: int
    section: str
    text: str

    @property
    def words(self) -> int:
        """How many words are spoken."""
        return len(_WORD.findall(self.text))


def spoken(script: str) -> list[Line]:
    """Return the lines that are spoken: neither headings, `## name`, nor remarks for the agent, `> text`."""
    found, section = [], ""
    for number, text in enumerate(script.splitlines(), 1):
        if heading := _HEADING.fullmatch(text.strip()):
            section = heading[1].strip()
        elif text.strip() and not text.startswith((">", "# ")):
            found.append(Line(number, section, text.strip()))
    return found


def wrong_in(script: str) -> list[tuple[int | None, str]]:
    """Return everything in a rendered script that must not be spoken, each with its line if it has one."""
    lines = spoken(script)
    return [*_sections(lines), *(found for line in lines for found in _line(line)), *_voicemail(lines)]


def _sections(lines: list[Line]) -> Iterator[tuple[int | None, str]]:
    present = {line.section for line in lines}
    for name in SECTIONS:
        if name not in present:
            yield None, f"the section '{name}' is missing or says nothing"
    for line in lines:
        if line.section not in SECTIONS:
            yield line.number, f"'{line.section}' is no section of a call: use one of {', '.join(SECTIONS)}"
    if "disclosure" in present and not any(_DISCLOSES.search(e.text) for e in lines if e.section == "disclosure"):
        yield None, "the section 'disclosure' must say that an AI is speaking"


def _line(line: Line) -> Iterator[tuple[int | None, str]]:
    if line.words > MOST_WORDS:
        yield line.number, f"the line has {line.words} words; {MOST_WORDS} are the most that can be followed by ear"
    if said := _NEVER_ALOUD.search(line.text):
        yield line.number, f"'{said[0]}' must not be said to a customer"
    if line.section != "PRICING" and (said := _DISCOUNT.search(line.text)):
        yield line.number, f"'{said[0]}' may be said only after the customer has raised the price, under PRICING"


def _voicemail(lines: list[Line]) -> Iterator[tuple[int | None, str]]:
    message = [line for line in lines if line.section == "voicemail"]
    seconds = sum(line.words for line in message) / WORDS_PER_SECOND
    if seconds > VOICEMAIL_SECONDS:
        yield message[0].number, f"the voicemail takes {seconds:.0f} seconds; {VOICEMAIL_SECONDS:.0f} are the most"
    for line in message:
        if _asks_for_a_call(line.text):
            yield line.number, "a voicemail must not ask for a call back"


def _asks_for_a_call(text: str) -> bool:
    calls = _CALLS.finditer(text)
    return bool(_CALL_BACK.search(text)) or any(not _NOT_THEIRS.search(text, 0, each.start()) for each in calls)
