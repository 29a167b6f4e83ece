"""How a wire reads traffic: pieces of bytes, some of which complete an effect or the response to one."""

from collections.abc import Iterator


class Dialogue:
    """One connection of an unknown protocol; the external systems' protocols build on it.

    Each reads both directions in pieces that are forwarded completely or not at all.
    """

    def outgoing(self, data: bytes) -> Iterator[tuple[bytes, str | None]]:
        """Yield the process's bytes in pieces, with the effect's name for a piece that completes one."""
        yield data, None

    def incoming(self, data: bytes) -> Iterator[tuple[bytes, bool]]:
        """Yield the external system's bytes in pieces, and whether a piece completes the response to the last call."""
        yield data, False
