"""Parser for `REPLY_IMAP_URL`: server, credentials and folder."""

from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from nodes.errors import SettingsInvalid

_PORT = 993
# Plain IMAP sends the password readably, so it is only for a server on the same machine.
_THIS_MACHINE = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class ImapMailbox:
    """A folder on an IMAP server."""

    host: str
    port: int
    tls: bool
    user: str
    password: str = field(repr=False)
    folder: str


def parse_imap_url(url: str) -> ImapMailbox:
    """Parse `imaps://user:password@host:port/folder`; user, password and folder are percent-decoded.

    Without a folder it is INBOX. `imap://`, without TLS, is for this machine. Raises `SettingsInvalid`, which never
    contains the URL.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _wrong("has a wrong host or port; a password needs %-encoding for / ? # [ ] @ and :") from None
    tls = parts.scheme == "imaps"
    if not tls and (parts.scheme != "imap" or parts.hostname not in _THIS_MACHINE):
        raise _wrong("must begin with imaps:// (or imap:// on this machine)")
    if not parts.hostname or port == 0:
        raise _wrong("names no host, or a wrong port")
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    folder = unquote(parts.path).strip("/") or "INBOX"
    if not user or not password or parts.query or parts.fragment:
        raise _wrong("must read imaps://user:password@host/folder; a password needs %-encoding for / ? # [ ] @ and :")
    # A line break would begin another command.
    if not all(each.isascii() and each.isprintable() for each in (user, password, folder)):
        raise _wrong("has a user, password or folder with other characters than ASCII ones")
    return ImapMailbox(parts.hostname, port or (_PORT if tls else 143), tls, user, password, folder)


def _wrong(what: str) -> SettingsInvalid:
    return SettingsInvalid(f"Settings:\n  REPLY_IMAP_URL {what}")
