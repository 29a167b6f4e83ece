"""The SMTP server: accepts every email, optionally over TLS and with a password."""

import asyncio
import hmac
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from deployments.local.inbox.emails import Mailbox

LARGEST_EMAIL = 33_554_432  # bytes, aiosmtpd's own limit


@dataclass(frozen=True)
class Security:
    """TLS and login requirements for clients; none by default."""

    certificate: Path | None = None
    key: Path | None = None
    starttls: bool = False
    implicit_tls: bool = False
    user: str | None = None
    password: str | None = None

    def context(self) -> ssl.SSLContext | None:
        """Return the server's TLS context; None for plain SMTP."""
        if not (self.starttls or self.implicit_tls):
            return None
        if self.certificate is None:
            raise ValueError("TLS needs a certificate")
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.certificate, self.key)
        return context

    def knows(self, user: bytes, password: bytes) -> bool:
        """Return whether these are the credentials."""
        expected = f"{self.user}\0{self.password}".encode()
        return hmac.compare_digest(user + b"\0" + password, expected)


class Postman:
    """aiosmtpd's handler: puts every email into the mailbox."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Store the email before confirming it to the client."""
        content = envelope.content if isinstance(envelope.content, bytes) else (envelope.content or "").encode()
        identifier = self._mailbox.keep(content, envelope.mail_from or "", envelope.rcpt_tos)
        return f"250 OK {identifier}"


async def listen(mailbox: Mailbox, host: str, port: int, security: Security) -> asyncio.Server:
    """Start the SMTP server."""
    context = security.context()
    options: dict[str, Any] = {"enable_SMTPUTF8": True, "data_size_limit": LARGEST_EMAIL, "ident": "cancelflow inbox"}
    if security.starttls:
        options |= {"tls_context": context, "require_starttls": True}
    if security.user:
        options |= {"authenticator": _authenticator(security), "auth_required": True}
        options["auth_require_tls"] = security.starttls  # under implicit TLS aiosmtpd sees no STARTTLS to require

    def protocol() -> SMTP:
        return SMTP(Postman(mailbox), **options)

    implicit = context if security.implicit_tls else None
    return await asyncio.get_running_loop().create_server(protocol, host, port, ssl=implicit)


def _authenticator(security: Security) -> Any:
    def authenticate(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object) -> AuthResult:
        known = isinstance(data, LoginPassword) and security.knows(data.login, data.password)
        return AuthResult(success=known, handled=False)

    return authenticate
