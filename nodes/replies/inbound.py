"""Read an email that arrived at our reply address."""

import codecs
import email
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message
from email.policy import Compat32
from email.utils import parsedate_to_datetime
from itertools import islice
from typing import cast

from nodes.replies.automatic import Kind, kind_of
from nodes.replies.html_text import html_text
from nodes.replies.new_text import new_text
from nodes.rules.reasons import MAX_FEEDBACK_CHARACTERS

# An email is read up to here. Its text comes first, and what follows is attachments.
MOST_BYTES = 2 * 1024 * 1024
_MOST_BODY_CHARACTERS = 50_000
_MOST_HEADER_CHARACTERS = 4_000
_MOST_PARTS = 50
# Names in Python that are no charsets of text: some take quadratic time, some decode to what is no character.
_NO_CHARSETS = frozenset({"idna", "punycode", "raw_unicode_escape", "unicode_escape", "utf_7", "mbcs", "oem"})
# PostgreSQL stores neither.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
# The address that an email was delivered to is in one of these; the last two have the one that it was sent to.
_RECIPIENTS = ("delivered-to", "x-original-to", "x-envelope-to", "to", "cc")
# Ours are signed, so anything that looks like an address may be one. The standard library's parser finds none at all
# where a name has an @ or a list ends with a comma, as mail programs write them.
_ADDRESS = re.compile(r"""[^\s<>()\[\]\\,;:"@]{1,64}@[^\s<>()\[\]\\,;:"@]{1,255}""")


@dataclass(frozen=True, repr=False)
class InboundEmail:
    """An email as far as we use it. Only a `reply` was written by a customer.

    `text`: the new text, cut off at the greatest length of a feedback. `recipients`: addresses. `unreadable`: nothing
    could be made of it, so it needs attention. `sent_at`: as the sender's clock says.
    """

    kind: Kind
    message_id: str | None = None
    recipients: tuple[str, ...] = ()
    sent_at: datetime | None = None
    subject: str = ""
    text: str = ""


class _Bounded(Compat32):
    """A policy that reads headers as they are written, and cuts long ones off.

    `policy.default` parses a header's structure, in quadratic time: 50 kB from a stranger can take 50 seconds.
    """

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        name, value = super().header_source_parse(sourcelines)
        return name, value[:_MOST_HEADER_CHARACTERS]


_POLICY = _Bounded()


def read_email(raw: bytes) -> InboundEmail:
    """Return the email's kind, addresses and new text. Attachments are not read. Never raises."""
    try:
        return _read(email.message_from_bytes(raw[:MOST_BYTES], policy=_POLICY))
    # The parser promises not to raise, but malformed input makes several of its parts do so, each in its own way; a
    # body nested a thousand levels deep is a RecursionError.
    except Exception:
        return InboundEmail("unreadable")


def _read(message: Message) -> InboundEmail:
    kind = kind_of(lambda name: _header(message, name), _actions(message))
    texts = [text for name in _RECIPIENTS if (text := _header(message, name)) is not None]
    return InboundEmail(
        kind,
        message_id=(_header(message, "message-id") or "").strip() or None,
        recipients=tuple(address for text in texts for address in _ADDRESS.findall(text)),
        sent_at=_date(_header(message, "date") or ""),
        subject=_header(message, "subject") or "",
        text=new_text(_body(message))[:MAX_FEEDBACK_CHARACTERS].strip() if kind == "reply" else "",
    )


def _header(message: Message, name: str) -> str | None:
    """Return the first header of this name, decoded if it can be."""
    written = message.get(name)
    if written is None:
        return None
    try:
        return str(make_header(decode_header(written)))
    except (LookupError, ValueError, HeaderParseError):  # an unknown charset, or malformed
        return str(written)


def _actions(message: Message) -> list[str]:
    """Return what a delivery report says about each recipient; nothing for any other message."""
    if message.get_content_type() != "multipart/report" or not message.is_multipart():
        return []
    reports = (part for part in _children(message) if part.get_content_type() == "message/delivery-status")
    recipients = (recipient for report in reports if report.is_multipart() for recipient in _children(report))
    return [str(action).strip().lower() for each in recipients if (action := each.get("action"))]


def _children(message: Message) -> list[Message]:
    return cast("list[Message]", message.get_payload())


def _date(written: str) -> datetime | None:
    try:
        at = parsedate_to_datetime(written)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):  # no date, or one that no clock shows
        return None


def _body(message: Message) -> str:
    """Return the plain text; where there is none, or an empty one, that of the HTML."""
    texts = {"plain": "", "html": ""}
    for part in islice(_parts(message), _MOST_PARTS):
        subtype = part.get_content_subtype()
        if part.get_content_maintype() == "text" and not texts.get(subtype, "-").strip():
            texts[subtype] = _decoded(part)
    return texts["plain"] if texts["plain"].strip() else html_text(texts["html"])


def _parts(message: Message) -> Iterator[Message]:
    """Yield the parts that are read as one text; no attachment, and no email inside this one."""
    if message.get_content_disposition() == "attachment" or message.get_filename():
        return
    if not message.is_multipart():
        yield message
    elif message.get_content_maintype() == "multipart":
        for part in _children(message):
            yield from _parts(part)


def _decoded(part: Message) -> str:
    content = part.get_payload(decode=True)
    if not isinstance(content, bytes):
        return ""
    content = content[: 4 * _MOST_BODY_CHARACTERS]
    for charset in (part.get_content_charset() or "utf-8", "utf-8", "cp1252"):
        try:
            if codecs.lookup(charset).name.replace("-", "_") in _NO_CHARSETS:
                continue
            return _UNSTORABLE.sub("", content.decode(charset)[:_MOST_BODY_CHARACTERS])
        except (LookupError, ValueError):  # an unknown charset, or another one than it says
            continue
    return _UNSTORABLE.sub("", content.decode("latin-1")[:_MOST_BODY_CHARACTERS])
