"""Mail, over SMTP: one email to one person, taken by the server or not."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY

import aiosmtplib

from email_templates import Email
from nodes.clients.mail_address import company_address, recipients_address
from nodes.clients.smtp_url import parse_smtp_url
from nodes.errors import EmailRefused, MailFailed
from nodes.settings import MailSettings

# A server that lives takes an email in well under a second. The answer to the customer is due in 10 s and waits for
# this; what is not sent by then is sent later, by whoever finishes unfinished requests.
SEND_TIMEOUT = 5.0
# A readiness probe asks every few seconds and gives up soon itself.
CHECK_TIMEOUT = 2.0
# The email is taken before we say goodbye, so nobody waits long for the answer to that.
QUIT_TIMEOUT = 0.5


class Mailer:
    """Sends emails as `MAIL_FROM` through `SMTP_URL`; answers go to `REPLY_TO`, where that is set.

    Holds no connection, so it serves any number of event loops.

    `timeout` in seconds bounds a whole sending. `ssl_context` is for a server whose certificate Python does not trust
    by itself; `SSL_CERT_FILE` does the same from outside. Raises `SettingsInvalid` for a wrong URL or sender.
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

    async def send(self, email: Email, *, recipient: str, message_id: str) -> None:
        """Hand one email to the server; returns once the server has taken it.

        `message_id` as `id@host`, the same for every attempt at the same email, so that a mailbox can tell a repeat.
        Raises `EmailRefused` where trying again is useless and `MailFailed` otherwise; neither names the recipient.
        After a `MailFailed` because no answer came, the server may have taken the email all the same.
        """
        message = self._message(email, recipients_address(recipient), message_id)
        async with self._connection(self._timeout) as connection:
            await connection.send_message(message)

    async def check(self) -> None:
        """Connect, log in where the URL says so, and say NOOP. Raises `MailFailed` within two seconds."""
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
            # Else the library asks the name service who we are, which can take longer than the email.
            local_hostname=_ascii_domain(self._sender),
            timeout=seconds,
        )

    def _message(self, email: Email, recipient: Address, message_id: str) -> EmailMessage:
        message = EmailMessage(policy=SMTP_POLICY)
        try:
            message["From"] = self._sender
            message["To"] = recipient
            if self._reply_to:
                message["Reply-To"] = self._reply_to
            message["Subject"] = email.subject
            message["Message-ID"] = f"<{message_id.strip('<>')}>"
        except ValueError:  # the policy allows no line break in a header
            raise EmailRefused("a header of the email holds a line break") from None
        message["Date"] = datetime.now(UTC)
        message["Auto-Submitted"] = "auto-generated"
        # Quoted-printable passes every server, also those that take no 8-bit text or no line over 998 bytes.
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
            return EmailRefused("the mail server cannot take an address in such a script")
        case aiosmtplib.SMTPAuthenticationError():
            return MailFailed(f"the mail server refused the login ({error.code})")
        case aiosmtplib.SMTPResponseException():
            return MailFailed(f"the mail server answered {error.code}")
        case TimeoutError():
            return MailFailed("the mail server did not answer in time")
        case _ if isinstance(error.__cause__ or error, ssl.SSLError):
            return MailFailed("the mail server's TLS certificate is not trusted, or it speaks no TLS")
        case _ if type(error) is aiosmtplib.SMTPException:
            return MailFailed("the mail server does not offer STARTTLS or a login, as SMTP_URL asks")
        case _:
            return MailFailed(f"the mail server could not be reached ({type(error).__name__})")


def _answered(code: int, to_what: str, *, permanent: bool) -> MailFailed:
    return (EmailRefused if permanent else MailFailed)(f"the mail server answered {code} {to_what}")
