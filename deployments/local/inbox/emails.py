"""The emails on disk: one `.eml` file each, named so that sorting orders them by arrival."""

import re
import secrets
import time
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import getaddresses
from functools import cached_property
from pathlib import Path

from deployments.local.files import private_directory, write_private

# The envelope's sender and recipients, which the headers need not contain.
ENVELOPE_FROM, ENVELOPE_TO = "X-Envelope-From", "X-Envelope-To"
IDENTIFIER = re.compile(r"\d{20}-[0-9a-f]{8}")
# A directory modified this recently may change again within the same tick of its clock.
SETTLED_NS = 1_000_000_000


class Email:
    """One parsed email. Its contents are untrusted, and malformed mail must still be shown."""

    def __init__(self, identifier: str, content: bytes) -> None:
        self.identifier = identifier
        self.content = content
        self.received = datetime.fromtimestamp(int(identifier.partition("-")[0]) / 1e9, UTC)
        parsed = message_from_bytes(content, policy=policy.default)
        self._message: EmailMessage = parsed
        self.text = self._body("plain")
        self.html = self._body("html")

    @property
    def headers(self) -> list[tuple[str, str]]:
        """Return every header, decoded, in order."""
        return [(name, _one_line(value)) for name, value in self._message.items()]

    def header(self, name: str) -> str:
        """Return one header, decoded; empty if it is missing."""
        return _one_line(self._message.get(name, ""))

    @cached_property
    def recipients(self) -> set[str]:
        """Return every recipient's address, in lower case."""
        fields = [self.header(name) for name in ("To", "Cc", ENVELOPE_TO)]
        # Parsed one field at a time: newer Python versions parse none if any is empty or malformed.
        return {address.lower() for field in fields for _, address in getaddresses([field]) if address}

    @property
    def attachments(self) -> list[str]:
        """Return the names of the attached files."""
        return [part.get_filename() or part.get_content_type() for part in self._message.iter_attachments()]

    def summary(self) -> dict[str, object]:
        """Return the fields shown in a list."""
        return {
            "id": self.identifier,
            "received": self.received.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "date": self.header("Date"),
            "from": self.header("From"),
            "to": self.header("To"),
            "recipients": sorted(self.recipients),
            "subject": self.header("Subject"),
        }

    def details(self) -> dict[str, object]:
        """Return everything: the summary, both bodies decoded, and the headers."""
        return self.summary() | {
            "message_id": self.header("Message-ID"),
            "reply_to": self.header("Reply-To"),
            "envelope_from": self.header(ENVELOPE_FROM),
            "text": self.text,
            "html": self.html,
            "attachments": self.attachments,
            "headers": [{"name": name, "value": value} for name, value in self.headers],
        }

    def _body(self, kind: str) -> str | None:
        part = self._message.get_body(preferencelist=(kind,))
        if part is None:
            return None
        payload = part.get_payload(decode=True)
        if not isinstance(payload, bytes):
            return None
        try:
            return payload.decode(part.get_content_charset("utf-8"), "replace").replace("\r\n", "\n")
        except LookupError:  # unknown character set
            return payload.decode("utf-8", "replace").replace("\r\n", "\n")


class Mailbox:
    """A directory of emails."""

    def __init__(self, directory: Path) -> None:
        self._directory = private_directory(directory)
        self._parsed: dict[str, Email] = {}
        self._listed: list[Email] = []
        self._listed_as_of = 0

    def keep(self, content: bytes, sender: str, recipients: list[str]) -> str:
        """Store an email with its envelope, and return its identifier."""
        identifier = f"{time.time_ns():020d}-{secrets.token_hex(4)}"
        envelope = f"{ENVELOPE_FROM}: {sender}\r\n{ENVELOPE_TO}: {', '.join(recipients)}\r\n"
        write_private(self._path(identifier), envelope.encode("utf-8", "replace") + content)
        return identifier

    def emails(self, to: str | None = None) -> list[Email]:
        """Return the emails, newest first; with `to`, only those to that address."""
        changed = self._directory.stat().st_mtime_ns
        if changed != self._listed_as_of or time.time_ns() - changed < SETTLED_NS:
            names = sorted((path.stem for path in self._directory.glob("*.eml")), reverse=True)
            self._listed = [email for name in names if (email := self.email(name))]
            self._listed_as_of = changed
        return [email for email in self._listed if to is None or to.strip().lower() in email.recipients]

    def email(self, identifier: str) -> Email | None:
        """Return one email, or None if it does not exist."""
        if not IDENTIFIER.fullmatch(identifier):
            return None
        if identifier not in self._parsed:
            try:
                self._parsed[identifier] = Email(identifier, self._path(identifier).read_bytes())
            except FileNotFoundError:
                return None
        return self._parsed[identifier]

    def _path(self, identifier: str) -> Path:
        return self._directory / f"{identifier}.eml"


def _one_line(value: object) -> str:
    return " ".join(str(value).split())
