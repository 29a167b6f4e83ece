"""Messages that no customer wrote: auto-replies and bounces (RFC 3834, RFC 3464)."""

import re
from collections.abc import Callable, Collection
from typing import Literal

Kind = Literal["reply", "auto_reply", "bounce", "unreadable"]

_BOUNCE_SENDER = re.compile(r"\b(mailer-daemon|mail-daemon)@", re.IGNORECASE)
# A person may have this address (RFC 2142).
_POSTMASTER = re.compile(r"\bpostmaster@", re.IGNORECASE)
_AUTO_SUBMITTED = re.compile(r"(?!\s*no\b)\s*\S", re.IGNORECASE)
# Not List-Id, nor "Precedence: list": a group that a customer's email passes adds them.
_SENT_BY_PROGRAM = (
    ("auto-submitted", _AUTO_SUBMITTED),
    ("precedence", re.compile(r"\s*(bulk|junk|auto_reply)\b", re.IGNORECASE)),
    ("x-autoreply", re.compile(r"(?!\s*no\b)", re.IGNORECASE)),
    ("x-autorespond", re.compile("")),
    ("x-autoreply-from", re.compile("")),
    ("x-mail-autoreply", re.compile("")),
    ("content-type", re.compile(r"\s*multipart/report\b", re.IGNORECASE)),
    (
        "subject",
        re.compile(
            r"\s*(automatic reply|auto[- ]?reply|auto|auto response|out of (the )?office( auto[- ]?reply)?|vacation|ooo"
            r"|on (annual |parental |maternity |sick )?leave"
            r"|automatische antwort|abwesenheit\w*|abwesend|nicht im b(ü|ue)ro"
            r"|r(é|e)ponse automatique|absence du bureau|absent(e)? du bureau|message d.absence"
            r"|respuesta autom(á|a)tica|fuera de (la )?oficina|ausencia)\s*(:|$)",
            re.IGNORECASE,
        ),
    ),
)


def kind_of(header: Callable[[str], str | None], actions: Collection[str]) -> Kind:
    """Return which kind of message this is. `header` returns a header's text, or None where there is none.

    `actions`: of a delivery report, in lower case (RFC 3464, section 2.3.3), as `delayed`. An auto-reply may have an
    empty return path too (RFC 3834, section 3.3), so its own headers come first.
    """
    if actions:
        return "bounce" if "failed" in actions else "auto_reply"
    sender, no_return = header("from") or "", (header("return-path") or "").strip() == "<>"
    by_postmaster = _POSTMASTER.search(sender) and (no_return or _AUTO_SUBMITTED.match(header("auto-submitted") or ""))
    if header("x-failed-recipients") or _BOUNCE_SENDER.search(sender) or by_postmaster:
        return "bounce"
    for name, pattern in _SENT_BY_PROGRAM:
        value = header(name)
        if value is not None and pattern.match(value):
            return "auto_reply"
    return "bounce" if no_return else "reply"
