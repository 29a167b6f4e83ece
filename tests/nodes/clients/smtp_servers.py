"""Real SMTP servers for tests: plain, STARTTLS and TLS, with and without a login, and servers that misbehave."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

USER, PASSWORD = "billing@example.com", "p/ss: w@rd%"


@dataclass
class Inbox:
    """The emails that a server received, and its responses, which a test may change."""

    response_to_recipient: str = "250 OK"
    response_to_email: str = "250 OK"
    senders: list[str | None] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    emails: list[EmailMessage] = field(default_factory=list)

    async def handle_RCPT(  # noqa: N802  # aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.response_to_recipient.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.response_to_recipient

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.response_to_email.startswith("250"):
            self.senders.append(envelope.mail_from)
            self.recipients += envelope.rcpt_tos
            content = envelope.content if isinstance(envelope.content, bytes) else b""
            self.emails.append(message_from_bytes(content, policy=policy.default))
        return self.response_to_email


class NeverSaysGoodbye(SMTP):
    """A server that accepts emails but never responds to QUIT."""

    async def smtp_QUIT(self, arg: str) -> None:  # noqa: N802
        await asyncio.Event().wait()


@asynccontextmanager
async def smtp_server(
    inbox: Inbox, *, kind: type[SMTP] = SMTP, tls: ssl.SSLContext | None = None, **options: Any
) -> AsyncIterator[int]:
    """Serve on a free port of 127.0.0.1, and yield the port. `tls` is for TLS from the first byte."""
    loop = asyncio.get_running_loop()
    sessions: list[SMTP] = []

    def session() -> SMTP:
        # Without a hostname aiosmtpd queries the name service.
        sessions.append(kind(inbox, hostname="mail.test", loop=loop, **options))
        return sessions[-1]

    server = await loop.create_server(session, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()
        handlers = [s._handler_coroutine for s in sessions if s._handler_coroutine]
        for handler in handlers:
            handler.cancel()
        await asyncio.gather(*handlers, return_exceptions=True)


def only_the_password(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
    """Authenticate the one known user, for aiosmtpd."""
    right = isinstance(data, LoginPassword) and (data.login, data.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=right, handled=False)


@contextmanager
def black_hole() -> Iterator[int]:
    """Yield a port of 127.0.0.1 that accepts connections and never responds."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def self_signed(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """Return a certificate file for 127.0.0.1, for clients to trust, and a server's context with it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.test")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    public, private = folder / "certificate.pem", folder / "key.pem"
    public.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, private)
    return public, context
