"""Messages that no customer wrote: auto-replies and bounces (RFC 3834, RFC 3464)."""

import re
from collections.abc import Callable
from typing import Literal

Kind = Literal["reply", "auto_reply", "bounce", "unreadable"]

_BOUNCE_SENDERS = re.compile(r"\b(mailer-daemon|postmaster|mail-daemon)@", re.IGNORECASE)
_SENT_BY_PROGRAM = (
    ("auto-submitted", re.compile(r"(?!\s*no\b)\s*\S", re.IGNORECASE)),
    ("precedence", re.compile(r"\s*(bulk|junk|list|auto_reply)\b", re.IGNORECASE)),
    ("x-autoreply", re.compile(r"(?!\s*no\b)", re.IGNORECASE)),
    ("x-autorespond", re.compile("")),
    ("x-autoreply-from", re.compile("")),
    ("x-mail-autoreply", re.compile("")),
    ("list-id", re.compile("")),
    ("content-type", re.compile(r"\s*multipart/report\b.*disposition-notification", re.IGNORECASE | re.DOTALL)),
    (
        "subject",
        re.compile(
            r"\s*(automatic reply|auto[- ]?reply|autoreply|auto ?:|auto response|out of (the )?office|vacation\b|ooo\b"
            r"|on (annual |parental |maternity |sick )?leave\b"
            r"|automatische antwort|abwesenheit|abwesend|nicht im b(ü|ue)ro"
            r"|r(é|e)ponse automatique|absence du bureau|absent(e)? du bureau|message d.absence"
            r"|respuesta autom(á|a)tica|fuera de (la )?oficina|ausencia\b)",
            re.IGNORECASE,
        ),
    ),
)
_REPORT = re.compile(r"\s*multipart/report\b", re.IGNORECASE)


def kind_of(header: Callable[[str], str | None]) -> Kind:
    """Return which kind of message has these headers. `header` returns a header's text, or None where there is none.

    An auto-reply may have an empty return path too (RFC 3834, section 3.3), so its own headers come first.
    """
    report = _REPORT.match(header("content-type") or "") and "disposition-notification" not in (
        header("content-type") or ""
    )
    if report or header("x-failed-recipients") or _BOUNCE_SENDERS.search(header("from") or ""):
        return "bounce"
    for name, pattern in _SENT_BY_PROGRAM:
        value = header(name)
        if value is not None and pattern.match(value):
            return "auto_reply"
    return "bounce" if (header("return-path") or "").strip() == "<>" else "reply"
