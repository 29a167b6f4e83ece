"""How a wire reads what passes: pieces of bytes, of which some complete an effect and some the answer to one."""

from collections.abc import Iterator


class Dialogue:
    """One connection whose bytes mean nothing to us; the protocols of the far sides build on it.

    Each reads both directions as they come, in pieces that are passed on whole or not at all.
    """

    def asked(self, data: bytes) -> Iterator[tuple[bytes, str | None]]:
        """The process's bytes in pieces; with a piece that completes an effect, what the effect is called."""
        yield data, None

    def answered(self, data: bytes) -> Iterator[tuple[bytes, bool]]:
        """The far side's bytes in pieces, and whether a piece completes the answer to what was asked last."""
        yield data, False
