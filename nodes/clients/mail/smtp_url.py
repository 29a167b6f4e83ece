"""Parser for `SMTP_URL`: server, security and credentials."""

from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import SplitResult, unquote, urlsplit

from nodes.errors import SettingsInvalid

Security = Literal["plain", "starttls", "tls"]

# Each scheme's standard port: relay, submission, submission over TLS.
_SCHEMES: dict[str, tuple[Security, int]] = {
    "smtp": ("plain", 25),
    "smtp+starttls": ("starttls", 587),
    "smtps": ("tls", 465),
}


@dataclass(frozen=True)
class SmtpServer:
    """A mail server. User and password are both set or both None."""

    host: str
    port: int
    security: Security
    user: str | None = None
    password: str | None = field(default=None, repr=False)


def parse_smtp_url(url: str) -> SmtpServer:
    """Parse `smtp://host:port`, `smtp+starttls://user:password@host` or `smtps://…`; user and password are
    percent-decoded. Raises `SettingsInvalid`, which never contains the URL: it may hold a password.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _wrong("has a wrong host or port; a password needs %-encoding for / ? # [ ] @ and :") from None
    if parts.scheme not in _SCHEMES:
        raise _wrong("must begin with smtp://, smtp+starttls:// or smtps://")
    if not parts.hostname:
        raise _wrong("names no host")
    if port == 0 or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise _wrong("must end after host and port; a password needs %-encoding for / ? # [ ] @ and :")
    security, default_port = _SCHEMES[parts.scheme]
    user, password = _credentials(parts)
    return SmtpServer(parts.hostname, port or default_port, security, user, password)


def _credentials(parts: SplitResult) -> tuple[str | None, str | None]:
    if bool(parts.username) != bool(parts.password):
        raise _wrong("needs both a user and a password, or neither")
    if not parts.username or not parts.password:
        return None, None
    return unquote(parts.username), unquote(parts.password)


def _wrong(what: str) -> SettingsInvalid:
    return SettingsInvalid(f"Settings:\n  SMTP_URL {what}")
