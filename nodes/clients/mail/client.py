"""SMTP client: sends one email to one recipient."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.policy import Policy
from typing import Any

import aiosmtplib

from email_templates import Email
from nodes.clients.mail.address import company_address, recipients_address
from nodes.clients.mail.smtp_url import parse_smtp_url
from nodes.errors import EmailRefused, MailFailed
from nodes.settings import MailSettings

# A healthy server accepts an email in well under a second. The response to the customer is due in 10 s and waits for
# this; an email not sent by then is sent when unfinished requests are retried.
SEND_TIMEOUT = 5.0
# A readiness probe repeats every few seconds and has a short timeout of its own.
CHECK_TIMEOUT = 2.0
# By QUIT the server has accepted the email, so its reply isn't worth a long wait.
QUIT_TIMEOUT = 0.5


UNSUBSCRIBE = "List-Unsubscribe"


class _Url(str):
    """A URL in a header, which is sent as it is: Python would encode one that is longer than a line."""

    name = UNSUBSCRIBE

    def fold(self, *, policy: "Policy[Any]") -> str:
        """Return the header's line."""
        return f"{self.name}: {self}{policy.linesep}"


class Mailer:
    """An SMTP client that sends as `MAIL_FROM` through `SMTP_URL`, with `REPLY_TO` where that is set.

    Holds no connection, so one instance serves any number of event loops.

    `timeout` in seconds bounds a whole send. `ssl_context` is for a server whose certificate Python does not trust by
    default; the environment variable `SSL_CERT_FILE` does the same. Raises `SettingsInvalid` for a wrong URL or sender.
    """

    def __init__(
        self, settings: MailSettings, *, timeout: float = SEND_TIMEOUT, ssl_context: ssl.SSLContext | None = None
    ) -> None:
        self._server = parse_smtp_url(settings.smtp_url.get_secret_value())
        self._sender = company_address(settings.mail_from, "MAIL_FROM")
        self._reply_to = company_address(settings.reply_to, "REPLY_TO") if settings.reply_to else None
        self._timeout = timeout
        if self._server.security != "plain":
            ssl_context = ssl_context or ssl.create_default_context()
        self._ssl_context = ssl_context

    async def send(
        self,
        email: Email,
        *,
        recipient: str,
        message_id: str,
        reply_to: str | None = None,
        unsubscribe_url: str | None = None,
    ) -> None:
        """Send one email; return once the server has accepted it.

        `message_id` as `id@host`, the same for every attempt at one email, so that a mailbox can detect duplicates.
        `reply_to`: this email's own address for replies, under the name in `REPLY_TO`, and for bounces where its domain
        is the sender's, so that the same SPF record holds. `unsubscribe_url`: where mail
        programs unsubscribe the recipient from marketing emails by one click (RFC 8058).
        Raises `EmailRefused` where a retry is useless and `MailFailed` otherwise; neither names the recipient. After a
        `MailFailed` caused by a timeout, the server may still have accepted the email.
        """
        message = self._message(email, recipients_address(recipient), message_id, reply_to)
        if unsubscribe_url:
            message[UNSUBSCRIBE] = _Url(f"<{unsubscribe_url}>")
            message[f"{UNSUBSCRIBE}-Post"] = f"{UNSUBSCRIBE}=One-Click"
        async with self._connection(self._timeout) as connection:
            await self._send(connection, message, reply_to)

    async def _send(self, connection: aiosmtplib.SMTP, message: EmailMessage, reply_to: str | None) -> None:
        if reply_to and reply_to.rpartition("@")[2].lower() == self._sender.domain.lower():
            # Some servers let a login send as one address alone, and refuse another at any of these commands.
            with contextlib.suppress(
                aiosmtplib.SMTPSenderRefused, aiosmtplib.SMTPRecipientsRefused, aiosmtplib.SMTPDataError
            ):
                await connection.send_message(message, sender=reply_to)
                return
        await connection.send_message(message)

    async def check(self) -> None:
        """Connect, log in where the URL has credentials, and send NOOP. Raises `MailFailed` within two seconds."""
        async with self._connection(min(self._timeout, CHECK_TIMEOUT)) as connection:
            await connection.noop()

    @asynccontextmanager
    async def _connection(self, seconds: float) -> AsyncIterator[aiosmtplib.SMTP]:
        connection = self._client(seconds)
        try:
            async with asyncio.timeout(seconds):
                await connection.connect()
                yield connection
        # "from None": the library's errors quote the server, and servers quote addresses.
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            raise _explained(error) from None
        else:
            with contextlib.suppress(aiosmtplib.SMTPException, OSError):
                await connection.quit(timeout=QUIT_TIMEOUT)
        finally:
            connection.close()

    def _client(self, seconds: float) -> aiosmtplib.SMTP:
        return aiosmtplib.SMTP(
            hostname=self._server.host,
            port=self._server.port,
            username=self._server.user,
            password=self._server.password,
            use_tls=self._server.security == "tls",
            start_tls=self._server.security == "starttls",
            tls_context=self._ssl_context,
            # Otherwise the library looks up our host name in DNS, which can take longer than sending the email.
            local_hostname=_ascii_domain(self._sender),
            timeout=seconds,
        )

    def _message(self, email: Email, recipient: Address, message_id: str, reply_to: str | None) -> EmailMessage:
        message = EmailMessage(policy=SMTP_POLICY)
        try:
            message["From"] = self._sender
            message["To"] = recipient
            if self._reply_to:
                local, _, domain = (reply_to or self._reply_to.addr_spec).rpartition("@")
                message["Reply-To"] = Address(self._reply_to.display_name, local, domain)
            message["Subject"] = email.subject
            message["Message-ID"] = f"<{message_id.strip('<>')}>"
        except ValueError:  # the policy allows no line break in a header
            raise EmailRefused("a header of the email holds a line break") from None
        message["Date"] = datetime.now(UTC)
        message["Auto-Submitted"] = "auto-generated"
        # Quoted-printable passes every server, including those that accept no 8-bit text or no line over 998 bytes.
        message.set_content(email.text, cte="quoted-printable")
        if email.html:
            message.add_alternative(email.html, subtype="html", cte="quoted-printable")
        return message


def _ascii_domain(address: Address) -> str:
    return address.domain if address.domain.isascii() else "localhost"


def _explained(error: Exception) -> MailFailed:
    match error:
        case aiosmtplib.SMTPRecipientsRefused(recipients=[first, *_]):
            return _answered(first.code, "to the recipient", permanent=first.code >= 500)
        case aiosmtplib.SMTPDataError():
            return _answered(error.code, "to the email", permanent=error.code >= 500)
        case aiosmtplib.SMTPNotSupported():
            return EmailRefused("the mail server doesn't support addresses in this script")
        case aiosmtplib.SMTPAuthenticationError():
            return MailFailed(f"the mail server refused the login ({error.code})")
        case aiosmtplib.SMTPResponseException():
            return MailFailed(f"the mail server responded {error.code}")
        case TimeoutError():
            return MailFailed("the mail server did not respond in time")
        case _ if isinstance(error.__cause__ or error, ssl.SSLError):
            return MailFailed("the mail server's TLS certificate is not trusted, or it speaks no TLS")
        case _ if type(error) is aiosmtplib.SMTPException:
            return MailFailed("the mail server does not offer STARTTLS or a login, as SMTP_URL asks")
        case _:
            return MailFailed(f"the mail server could not be reached ({type(error).__name__})")


def _answered(code: int, to_what: str, *, permanent: bool) -> MailFailed:
    return (EmailRefused if permanent else MailFailed)(f"the mail server responded {code} {to_what}")
