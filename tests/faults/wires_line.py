"""One wire to one part, and its lines: one per connection."""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING

from tests.faults.wires_dialogue import Dialogue

if TYPE_CHECKING:
    from tests.faults.wires import Wires

CHUNK = 65536


class Fault(StrEnum):
    """The way in which a part is unavailable."""

    REFUSED = "refused"  # connections are refused or cut
    BLACK_HOLE = "black hole"  # connections are accepted and kept, without a response


class When(StrEnum):
    """A time beside an effect."""

    BEFORE = "just before"
    RESPONSE_LOST = "response lost"
    AFTER = "just after"


class Wire:
    """Listens on a loopback port in place of an external system. All code here runs on the wires' loop."""

    def __init__(self, wires: "Wires", far: tuple[str, int], dialogue: Callable[[], Dialogue]) -> None:
        self.wires, self.far, self.dialogue = wires, far, dialogue
        self.fault: Fault | None = None
        self.lines: set[Line] = set()
        self._server: asyncio.Server | None = None
        # While nothing listens, the port stays bound: no other process gets it, and it refuses connections.
        self._place = _bound(0)
        self.port: int = self._place.getsockname()[1]

    @property
    def swallows(self) -> bool:
        """Return whether incoming bytes are dropped."""
        return self.fault is not None or self.wires.frozen

    async def fail(self, fault: Fault) -> None:
        self.fault = fault
        if fault is Fault.REFUSED:
            self.leave()
            self._place = _bound(self.port)

    async def restore(self) -> None:
        self.fault = None
        for line in [line for line in self.lines if line.broken]:
            line.cut()
        if self._server is None:
            self._place.listen(100)
            self._server = await asyncio.start_server(self._connected, sock=self._place)

    def leave(self) -> None:
        """Stop listening, and cut every line."""
        if self._server:
            self._server.close()
            self._server = None
        self._place.close()
        for line in self.lines:
            line.cut()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = Line(self, reader, writer)
        self.lines.add(line)
        try:
            await line.run()
        finally:
            self.lines.discard(line)


class Line:
    """One connection of the process, and its counterpart to the external system."""

    def __init__(self, wire: Wire, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._wire, self._wires, self._dialogue = wire, wire.wires, wire.dialogue()
        self._near, self._to_near = reader, writer
        self._far: asyncio.StreamReader | None = None
        self._to_far: asyncio.StreamWriter | None = None
        self.broken = False  # bytes were dropped, so it can never continue
        self._directions: list[asyncio.Task[None]] = []
        self._effect: str | None = None
        self._withheld = False

    async def run(self) -> None:
        try:
            with contextlib.suppress(OSError):
                if not self._wire.swallows:
                    self._far, self._to_far = await asyncio.open_connection(*self._wire.far)
                self._directions = [asyncio.create_task(each) for each in (self._outward(), self._inward())]
                _, left = await asyncio.wait(self._directions, return_when=asyncio.FIRST_COMPLETED)
                for each in left:
                    each.cancel()
                await asyncio.gather(*self._directions, return_exceptions=True)
        finally:
            for writer in (self._to_near, self._to_far):
                if writer:
                    writer.close()

    def cut(self) -> None:
        """Break the connection for both sides."""
        self.broken = True
        for writer in (self._to_near, self._to_far):
            if writer:
                writer.transport.abort()
        for direction in self._directions:
            if direction is not asyncio.current_task():  # it ends by itself, with its connection
                direction.cancel()

    async def _outward(self) -> None:
        while data := await self._near.read(CHUNK):
            if self._dropped():
                self._wires.called_again.set()
                continue
            for piece, label in self._dialogue.outgoing(data):
                await self._pass_on(piece, self._wires.seen(label) if label else None)

    async def _pass_on(self, piece: bytes, effect: str | None) -> None:
        if effect:
            await self._wires.at(effect, When.BEFORE)
        if self._dropped() or self._to_far is None:
            return
        if effect:
            self._effect = effect
            self._withheld = self._withheld or self._wires.stops(effect, When.RESPONSE_LOST)
        self._to_far.write(piece)
        await self._to_far.drain()

    async def _inward(self) -> None:
        if self._far is None:
            await asyncio.Event().wait()  # no server: wait until the process or the test gives up
            return
        while data := await self._far.read(CHUNK):
            for piece, complete in self._dialogue.incoming(data):
                effect = self._effect if complete else None
                if self._withheld:
                    self.broken = True
                    if effect:
                        self._effect = None
                        await self._wires.at(effect, When.RESPONSE_LOST)
                    continue
                if self._dropped():
                    continue
                self._to_near.write(piece)
                await self._to_near.drain()
                if effect:
                    self._effect = None
                    await self._wires.at(effect, When.AFTER)

    def _dropped(self) -> bool:
        """Return whether what just came is lost, which ends this line when the wire is restored."""
        self.broken = self.broken or self._wire.swallows
        return self.broken


def _bound(port: int) -> socket.socket:
    # The protocol is explicit so that asyncio can disable Nagle's delays.
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind(("127.0.0.1", port))
    return made
