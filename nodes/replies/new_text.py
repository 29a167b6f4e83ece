"""The new text of a reply: without the quoted email, the signature and the sign-off.

Every rule looks at a line and its neighbours, so that the time is linear in the length, whatever a stranger sends.
"""

import re
from itertools import takewhile

# "On Tue, Nov 24, 2026 at 3:12 PM Support <support@example.com> wrote:", in four languages, on up to three lines.
_ATTRIBUTION_BEGINS = re.compile(r"\s*(On|Am|Le|El)\b")
_WROTE = re.compile(r"\d.*\b(wrote|schrieb|a\s+écrit|escribió)\b", re.DOTALL)
_MOST_IN_ATTRIBUTION = 400
_FROM = re.compile(r"[*\s]*(From|Von|De|Expéditeur|Remitente)\s?:", re.IGNORECASE)
_HEADER = re.compile(
    r"[*\s]*(Sent|Date|To|Cc|Subject|Gesendet|Datum|An|Betreff|Envoyé|À|Objet|Enviado( el)?|Fecha|Para|Asunto)\s?:",
    re.IGNORECASE,
)
_DIVIDER = re.compile(
    r"\s*(-{2,}\s*(Original Message|Forwarded message|Ursprüngliche Nachricht|Message d.origine|Message original"
    r"|Mensaje original)\s*-{2,}|_{10,})\s*$",
    re.IGNORECASE,
)
_SIGNATURE = re.compile(r"--\s*$")
_DEVICE = re.compile(
    r"\s*(Sent (from|with|via)|Get Outlook for|Von mein\w+ .{1,40} gesendet|Gesendet (von|mit|über)"
    r"|Diese Nachricht wurde von mein|Envoyé (de|depuis|avec|à partir)|Obtenir Outlook"
    r"|Enviado desde|Obtener Outlook)\b",
    re.IGNORECASE,
)
_MOST_DEVICE_LINES = 2
_REGARDS = re.compile(
    r"\s*((with )?(best|kind|warm|many)?\s?(regards|wishes)|all the best"
    r"|sincerely|yours( sincerely| truly| faithfully)?"
    r"|(mit )?(freundlichen|besten|lieben|vielen|schönen) gr(ü|ue)(ß|ss)en"
    r"|(freundliche|beste|liebe|viele|schöne) gr(ü|ue)(ß|ss)e|gr(ü|u)(ß|ss)e?|mfg|lg|vg"
    r"|(bien )?cordialement|bien à vous|salutations( distinguées)?|sincères salutations|bonne journée"
    r"|(un )?(cordial )?saludos?( cordiales)?|atentamente)\b",
    re.IGNORECASE,
)
# These begin sentences, too.
_THANKS = re.compile(
    r"\s*(best|cheers|(many )?thanks|thank you|thx|(vielen )?dank|danke|merci|(muchas )?gracias)\b", re.IGNORECASE
)
_IN_NAMES = frozenset({"von", "van", "der", "den", "de", "du", "del", "la", "di", "da", "le", "aus", "from"})
_MOST_NAMES = 4
_MOST_LINES_AFTER_THANKS = 2
_MOST_IN_SIGNATURE = 3
_MOST_IN_SIGNATURE_LINE = 60
_INVISIBLE = re.compile("[\u200b-\u200f\u2060\ufeff\u00ad]")
_MOST_LINES_AFTER = 8


def new_text(body: str) -> str:
    """Return what the customer wrote in this reply. An inline answer between quoted lines is kept; quotes are not."""
    text = _INVISIBLE.sub("", body.replace("\r\n", "\n").replace("\r", "\n").replace("\u00a0", " "))
    lines = _without_signature(_without_quotes(text.split("\n")))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(line.rstrip() for line in _without_sign_off(lines))).strip()


def first_paragraph(text: str) -> str:
    """Return the first paragraph of a new text without names at its end; empty if more than a signature follows it."""
    paragraph, _, rest = text.partition("\n\n")
    following = [line for line in rest.split("\n") if line.strip()]
    if len(following) > _MOST_IN_SIGNATURE or any(len(line) > _MOST_IN_SIGNATURE_LINE for line in following):
        return ""
    first, *more = paragraph.split("\n")
    while more and _are_names(more[-1]):
        more.pop()
    return "\n".join([first, *more])


def _without_quotes(lines: list[str]) -> list[str]:
    kept: list[str] = []
    at = 0
    while at < len(lines):
        if taken := _attribution(lines, at):
            rest = [line for line in lines[at + taken :] if line.strip()]
            if not (rest and rest[0].lstrip().startswith(">")):  # quoted without marks, to the end
                break
            at += taken
        elif _DIVIDER.match(lines[at]) or _begins_headers(lines, at):
            break
        else:
            if not lines[at].lstrip().startswith(">"):
                kept.append(lines[at])
            at += 1
    return kept


def _attribution(lines: list[str], at: int) -> int:
    """Return how many lines an attribution takes that begins here; 0 if none does."""
    if not _ATTRIBUTION_BEGINS.match(lines[at]):
        return 0
    return next((count for count in (1, 2, 3) if _is_attribution("\n".join(lines[at : at + count]))), 0)


def _is_attribution(text: str) -> bool:
    return len(text) <= _MOST_IN_ATTRIBUTION and text.rstrip().endswith(":") and bool(_WROTE.search(text))


def _begins_headers(lines: list[str], at: int) -> bool:
    """Return whether a quoted email's headers begin here: with the sender, or with another, as the date."""
    if _FROM.match(lines[at]):
        return sum(bool(_HEADER.match(line)) for line in lines[at + 1 : at + 7]) >= 2
    following = lines[at + 1 : at + 4]
    return bool(_HEADER.match(lines[at])) and any(map(_FROM.match, following)) and any(map(_HEADER.match, following))


def _without_signature(lines: list[str]) -> list[str]:
    before = list(takewhile(lambda line: not _SIGNATURE.match(line), lines))
    last = _filled(before)[-_MOST_DEVICE_LINES:]
    return [line for at, line in enumerate(before) if at not in last or not _DEVICE.match(line)]


def _without_sign_off(lines: list[str]) -> list[str]:
    """Drop a sign-off near the end and what follows it, unless no more than a salutation is left before it."""
    filled = _filled(lines)
    after_salutation = 2 if filled and lines[filled[0]].rstrip().endswith(",") else 1
    last = filled[after_salutation:][-_MOST_LINES_AFTER:]
    for place, at in enumerate(last, 1):
        following = [lines[later] for later in last[place:]]
        if _ends_with_names(_REGARDS, lines[at]) or (
            _ends_with_names(_THANKS, lines[at])
            and len(following) <= _MOST_LINES_AFTER_THANKS
            and all(map(_are_names, following))
        ):
            return lines[:at]
    return lines


def _ends_with_names(begins: re.Pattern[str], line: str) -> bool:
    found = begins.match(line)
    return found is not None and _are_names(line[found.end() :])


def _are_names(text: str) -> bool:
    """Return whether the text has no other words than names may have; also if it has none."""
    words = re.findall(r"[^\s,.!]+", text[:100])
    return len(text) <= 100 and len(words) <= _MOST_NAMES and all(w[0].isupper() or w in _IN_NAMES for w in words)


def _filled(lines: list[str]) -> list[int]:
    return [at for at, line in enumerate(lines) if line.strip()]
