"""The mailbox of replies: what is new in it, and what is marked, with a server of its own."""

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from nodes.clients.mail.imap_url import parse_imap_url
from nodes.clients.mail.reply_inbox import KEYWORD, SEEN, OpenInbox, ReplyInbox
from nodes.errors import InboxFailed, SettingsInvalid
from tests.nodes.clients.imap_server import PASSWORD, USER, ImapServer, imap_server
from tests.nodes.clients.smtp_servers import self_signed

Result = TypeVar("Result")

OURS = b"To: Support <support+abc@example.com>\r\n\r\nToo expensive.\r\n"
OTHERS = b"To: support@example.com\r\n\r\nWhere is my invoice?\r\n"


def at(server: ImapServer, do: Callable[[OpenInbox], Awaitable[Result]]) -> Result:
    async def scenario() -> Result:
        async with imap_server(server), ReplyInbox(server.url, "support+").opened() as inbox:
            return await do(inbox)

    return asyncio.run(scenario())


async def read_all(inbox: OpenInbox) -> list[bytes | None]:
    found = []
    for uid in await inbox.new():
        found.append(await inbox.email(uid, 10_000))
        await inbox.mark(uid)
    return found


@pytest.mark.parametrize(("keywords", "flag"), [(True, KEYWORD), (False, SEEN)])
def test_emails_to_reply_addresses_are_read_and_marked_once(keywords: bool, flag: str) -> None:
    server = ImapServer(OURS, OTHERS, OURS, keywords=keywords)
    assert at(server, read_all) == [OURS, OURS]
    assert [email.flags for email in server.emails] == [{flag}, set(), {flag}]
    assert at(server, read_all) == []
    assert server.commands[-1] == "LOGOUT"


def test_what_people_have_read_is_new_to_us() -> None:
    server = ImapServer(OURS)
    server.emails[0].flags.add(SEEN)
    assert at(server, read_all) == [OURS]


def failure(url: str, seconds: float = 10.0) -> str:
    async def scenario() -> None:
        async with ReplyInbox(url, "support+", seconds=seconds).opened():
            raise AssertionError("opened")

    with pytest.raises(InboxFailed) as caught:
        asyncio.run(scenario())
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return str(caught.value)


@pytest.mark.parametrize(
    ("part", "instead", "says"),
    [("pass%20", "wrong", "refused the login"), ("/Replies", "/Nowhere", "no such folder")],
)
def test_a_server_that_refuses_is_a_failure_that_quotes_nothing(part: str, instead: str, says: str) -> None:
    async def scenario() -> str:
        async with imap_server(ImapServer()) as server:
            url = server.url.replace(part, instead)
            return await asyncio.to_thread(failure, url)

    said = asyncio.run(scenario())
    assert says in said
    assert USER not in said
    assert PASSWORD not in said


def failure_of(greeting: bytes, scheme: str, seconds: float) -> tuple[str, int]:
    """Return how a server fails that says nothing but this, and its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError), contextlib.closing(writer):
            writer.write(greeting)
            await reader.read()  # until the client leaves

    async def scenario() -> tuple[str, int]:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        said = await asyncio.to_thread(failure, f"{scheme}://u:p@127.0.0.1:{port}", seconds)
        server.close()
        return said, port

    return asyncio.run(scenario())


def test_a_server_that_is_silent_or_gone_is_a_failure() -> None:
    said, port = failure_of(b"", "imap", 0.2)
    assert said == "the mail server did not respond in time"
    assert "could not be reached (ConnectionRefusedError)" in failure(f"imap://u:p@127.0.0.1:{port}")


def test_a_server_that_speaks_no_tls_is_a_failure() -> None:
    said, _ = failure_of(b"* OK ready\r\n", "imaps", 10.0)
    assert said == "the mail server speaks no TLS at the port of REPLY_IMAP_URL; IMAP over TLS has 993"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    return self_signed(tmp_path_factory.mktemp("tls"))


def test_a_mailbox_is_read_over_tls(certificate: tuple[Path, ssl.SSLContext], monkeypatch: pytest.MonkeyPatch) -> None:
    file, context = certificate
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    assert at(ImapServer(OURS, tls=context), read_all) == [OURS]


@pytest.mark.parametrize(
    ("host", "says"),
    [
        ("127.0.0.1", "an authority of your own belongs in the file that SSL_CERT_FILE names"),
        ("localhost", "it must be for the host in REPLY_IMAP_URL"),
    ],
)
def test_a_certificate_that_is_unknown_or_of_another_host_gets_no_password(
    certificate: tuple[Path, ssl.SSLContext], monkeypatch: pytest.MonkeyPatch, host: str, says: str
) -> None:
    file, context = certificate
    if host == "localhost":
        monkeypatch.setenv("SSL_CERT_FILE", str(file))

    async def scenario() -> list[str]:
        async with imap_server(ImapServer(OURS, tls=context)) as server:
            url = server.url.replace("127.0.0.1", host)
            assert says in await asyncio.to_thread(failure, url)
            return server.commands

    assert asyncio.run(scenario()) == []


def test_a_url_has_everything_that_is_needed() -> None:
    found = parse_imap_url("imaps://replies%40example.com:p%40ss@mail.example.com/Folder%20of%20replies")
    assert (found.host, found.port, found.tls) == ("mail.example.com", 993, True)
    assert (found.user, found.password, found.folder) == ("replies@example.com", "p@ss", "Folder of replies")
    assert parse_imap_url("imaps://u:p@mail.example.com:1993").folder == "INBOX"


@pytest.mark.parametrize(
    "url",
    [
        "hunter2",
        "imap://user:hunter2@mail.example.com/Replies",
        "imaps://user@mail.example.com",
        "imaps://:hunter2@mail.example.com",
        "imaps://user:hunter2/x@mail.example.com",
        "imaps://user:hunter2@mail.example.com/Replies?x=1",
        "imaps://user:hunter2%0d%0aA1%20DELETE@mail.example.com",
        "imaps://user:hunter2@mail.example.com/Antworten%20%C3%BC",
    ],
)
def test_a_wrong_url_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(SettingsInvalid, match="REPLY_IMAP_URL") as caught:
        parse_imap_url(url)
    assert "hunter2" not in str(caught.value)
