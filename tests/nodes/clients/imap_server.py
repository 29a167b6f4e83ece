"""A small IMAP server: one folder, in memory, with what a client of ours needs (RFC 3501)."""

import asyncio
import contextlib
import re
import ssl
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes

_ARGUMENT = re.compile(r'"((?:[^"\\]|\\.)*)"|(\S+)')
USER, PASSWORD, FOLDER = "replies@example.com", 'pass "word"', "Replies"


@dataclass
class Stored:
    """An email in the folder. Its UID is its place, from 1."""

    raw: bytes
    flags: set[str] = field(default_factory=set)


class ImapServer:
    """The server. `keywords`: whether it stores flags of a client's own. `before`: called with each command.

    `refused`: by command, as "UID FETCH", how it responds to it for one email: its UID, and what it says.
    """

    def __init__(self, *emails: bytes, keywords: bool = True, tls: ssl.SSLContext | None = None) -> None:
        self.emails = [Stored(raw) for raw in emails]
        self.commands: list[str] = []
        self.before: Callable[[str], None] = lambda _: None
        self.refused: dict[str, tuple[int, str]] = {}
        self.port, self.tls = 0, tls
        self._flags = r"\Seen \Answered \*" if keywords else r"\Seen \Answered"

    @property
    def url(self) -> str:
        """Return the address, with everything percent-encoded that needs to be."""
        return f"imap{'s' if self.tls else ''}://replies%40example.com:pass%20%22word%22@127.0.0.1:{self.port}/{FOLDER}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Respond to a client until it leaves, or `before` ends the connection with a `ConnectionError`."""
        with contextlib.suppress(ConnectionError), contextlib.closing(writer):
            await self._dialogue(reader, writer)

    async def _dialogue(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"* OK ready\r\n")
        while line := (await reader.readline()).decode():
            tag, _, rest = line.strip().partition(" ")
            arguments = [re.sub(r"\\(.)", r"\1", quoted) or bare for quoted, bare in _ARGUMENT.findall(rest)]
            command = " ".join(arguments[:2] if arguments[0] == "UID" else arguments[:1])
            self.commands.append(command)
            self.before(command)
            response, done = self._response(command, arguments, rest)
            writer.write(response + f"{tag} {done}\r\n".encode())
            await writer.drain()
            if command == "LOGOUT":
                break

    def _response(self, command: str, arguments: list[str], rest: str) -> tuple[bytes, str]:
        match command:
            case "UID FETCH" | "UID STORE" if self.refused.get(command, (0,))[0] == int(arguments[2]):
                return b"", self.refused[command][1]
            case "CAPABILITY":
                return b"* CAPABILITY IMAP4rev1\r\n", "OK done"
            case "LOGIN":
                return b"", "OK done" if arguments[1:] == [USER, PASSWORD] else f"NO wrong password of {USER}"
            case "SELECT" if arguments[1] == FOLDER:
                flags = f"* OK [PERMANENTFLAGS ({self._flags})] limited\r\n".encode()
                return f"* {len(self.emails)} EXISTS\r\n".encode() + flags, "OK [READ-WRITE] done"
            case "UID SEARCH":
                found = [str(uid) for uid, email in self._found(arguments)]
                return f"* SEARCH {' '.join(found)}\r\n".encode(), "OK done"
            case "UID FETCH":
                uid = int(arguments[2])
                raw = self.emails[uid - 1].raw
                head = f"* {uid} FETCH (UID {uid} BODY[]<0> {{{len(raw)}}}\r\n".encode()
                return head + raw + b")\r\n", "OK done"
            case "UID STORE":
                self.emails[int(arguments[2]) - 1].flags.add(rest[rest.index("(") + 1 : rest.index(")")])
                return b"", "OK done"
            case "LOGOUT":
                return b"* BYE\r\n", "OK done"
        return b"", "NO no such folder"

    def _found(self, arguments: list[str]) -> list[tuple[int, Stored]]:
        unmarked = r"\Seen" if "UNSEEN" in arguments else arguments[arguments.index("UNKEYWORD") + 1]
        addressed = arguments[arguments.index("TO") + 1]
        return [
            (uid, email)
            for uid, email in enumerate(self.emails, 1)
            if unmarked not in email.flags and addressed in message_from_bytes(email.raw).get("To", "")
        ]


@asynccontextmanager
async def imap_server(server: ImapServer) -> AsyncIterator[ImapServer]:
    """Serve on a free port of this machine."""
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=server.tls)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()


@contextmanager
def imap_server_beside(server: ImapServer) -> Iterator[ImapServer]:
    """Serve the same beside a test that has no event loop."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    serving = imap_server(server)
    asyncio.run_coroutine_threadsafe(serving.__aenter__(), loop).result(10)
    try:
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(serving.__aexit__(None, None, None), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
