"""IMAP client: finds the emails to our reply addresses, and marks those that were stored."""

import asyncio
import contextlib
import imaplib
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TypeVar

from nodes.clients.mail.imap_url import ImapMailbox, parse_imap_url
from nodes.errors import InboxFailed, InboxRefused

Result = TypeVar("Result")

# Of one exchange with the server. Nobody waits for it, and the mailbox is looked at again soon.
SECONDS = 15.0
# Marks what was stored, without a change of what people see who read the mailbox too.
KEYWORD = "$CancelflowStored"
SEEN = "\\Seen"
# Older emails are not looked at, so that a mailbox with a long history costs little.
LOOK_BACK = timedelta(days=30)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class OpenInbox:
    """A connection with the folder selected. Its calls run in threads, one at a time.

    They raise `InboxRefused` if the server refuses the command, after which others can follow, and `InboxFailed`.
    """

    def __init__(self, connection: imaplib.IMAP4, beginning: str) -> None:
        self._connection, self._beginning = connection, beginning
        _, allowed = connection.response("PERMANENTFLAGS")
        # Some servers, such as Exchange, store no keywords.
        self._mark = KEYWORD if b"\\*" in b" ".join(each for each in allowed if each) else SEEN

    async def new(self) -> list[str]:
        """Return the UIDs of the emails to reply addresses that are not marked, oldest first."""
        unmarked = ("UNSEEN",) if self._mark == SEEN else ("UNKEYWORD", KEYWORD)
        since = datetime.now(UTC) - LOOK_BACK
        date = f"{since.day}-{_MONTHS[since.month - 1]}-{since.year}"
        criteria = (*unmarked, "SINCE", date, "TO", _quoted(self._beginning))
        [found, *_] = await self._done("SEARCH", *criteria)
        return found.decode("ascii").split() if isinstance(found, bytes) else []

    async def email(self, uid: str, most_bytes: int) -> bytes | None:
        """Return the email, up to so many bytes; None if it was deleted meanwhile."""
        parts = await self._done("FETCH", uid, f"(BODY.PEEK[]<0.{most_bytes}>)")
        return next((part[1] for part in parts if isinstance(part, tuple)), None)

    async def mark(self, uid: str) -> None:
        """Mark the email, so that it is not new any more."""
        await self._done("STORE", uid, "+FLAGS.SILENT", f"({self._mark})")

    async def _done(self, command: str, *arguments: str) -> list[bytes | tuple[bytes, bytes] | None]:
        status, data = await _in_thread(partial(self._connection.uid, command, *arguments))
        if status != "OK":
            raise InboxRefused(f"the mail server refused to {command.lower()}")
        return data


class ReplyInbox:
    """A client of `REPLY_IMAP_URL`. `beginning`: of the addresses that it looks for. Raises `SettingsInvalid`."""

    def __init__(self, url: str, beginning: str, *, seconds: float = SECONDS) -> None:
        self._mailbox, self._beginning, self._seconds = parse_imap_url(url), beginning, seconds

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[OpenInbox]:
        """Connect, log in and select the folder; log out at the end. Raises `InboxFailed`, as its calls do."""
        connection = await _in_thread(partial(_connected, self._mailbox, self._seconds))
        try:
            yield OpenInbox(connection, self._beginning)
        finally:
            await asyncio.to_thread(_left, connection)


def _connected(mailbox: ImapMailbox, seconds: float) -> imaplib.IMAP4:
    connection = _connection(mailbox, seconds)
    try:
        _select(connection, mailbox)
    except BaseException:
        _left(connection)
        raise
    return connection


def _select(connection: imaplib.IMAP4, mailbox: ImapMailbox) -> None:
    connection.login(_quoted(mailbox.user), mailbox.password)
    status, _ = connection.select(_quoted(mailbox.folder))
    if status != "OK":
        raise InboxFailed("the mail server has no such folder as REPLY_IMAP_URL names")


def _connection(mailbox: ImapMailbox, seconds: float) -> imaplib.IMAP4:
    if mailbox.tls:
        context = ssl.create_default_context()
        return imaplib.IMAP4_SSL(mailbox.host, mailbox.port, ssl_context=context, timeout=seconds)
    return imaplib.IMAP4(mailbox.host, mailbox.port, timeout=seconds)


def _left(connection: imaplib.IMAP4) -> None:
    for leave in (connection.logout, connection.shutdown):  # the first may fail without closing the socket
        with contextlib.suppress(imaplib.IMAP4.error, OSError):
            leave()


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


async def _in_thread(call: Callable[[], Result]) -> Result:
    """Return the call's result. "from None": the library's errors quote the server, and servers quote addresses."""
    try:
        return await asyncio.to_thread(call)
    except TimeoutError:
        raise InboxFailed("the mail server did not respond in time") from None
    except ssl.SSLCertVerificationError:
        raise InboxFailed(
            "the mail server's TLS certificate is not trusted: it must be for the host in REPLY_IMAP_URL; the "
            "certificate of an authority of your own belongs in the file that SSL_CERT_FILE names"
        ) from None
    except ssl.SSLError:
        raise InboxFailed(
            "the mail server speaks no TLS at the port of REPLY_IMAP_URL; IMAP over TLS has 993"
        ) from None
    except imaplib.IMAP4.abort:
        raise InboxFailed("the mail server ended the connection") from None
    except imaplib.IMAP4.error:
        raise InboxRefused("the mail server refused the login or a command") from None
    except OSError as error:
        raise InboxFailed(f"the mail server could not be reached ({type(error).__name__})") from None
