"""Pub/Sub on a wire, gRPC over HTTP/2: an effect is the frame that carries a message to be published.

https://www.rfc-editor.org/rfc/rfc9113#name-frame-format and
https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
"""

from collections.abc import Iterator

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from google.pubsub_v1 import PublishRequest

from tests.faults.wires_dialogue import Dialogue

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_FRAME_HEAD = 9
_GRPC_HEAD = 5  # compression flag and length
_DATA, _END_STREAM = 0, 1


class PubSub(Dialogue):
    """HTTP/2 frames; our messages each fit into one."""

    def __init__(self) -> None:
        self._outgoing = self._incoming = b""
        self._begun = False
        self._publishing: int | None = None

    def outgoing(self, data: bytes) -> Iterator[tuple[bytes, str | None]]:
        self._outgoing += data
        if not self._begun:
            if len(self._outgoing) < len(_PREFACE):
                return
            self._begun, self._outgoing = True, self._outgoing[len(_PREFACE) :]
            yield _PREFACE, None
        while frame := _whole(self._outgoing):
            self._outgoing = self._outgoing[len(frame) :]
            label = _published(frame)
            if label:
                self._publishing = _stream(frame)
            yield frame, label

    def incoming(self, data: bytes) -> Iterator[tuple[bytes, bool]]:
        self._incoming += data
        while frame := _whole(self._incoming):
            self._incoming = self._incoming[len(frame) :]
            last = frame[3] in (0, 1) and bool(frame[4] & _END_STREAM)  # DATA or HEADERS, which end a stream
            yield frame, last and _stream(frame) == self._publishing


def _whole(received: bytes) -> bytes:
    """Return the first frame when it is complete."""
    end = _FRAME_HEAD + int.from_bytes(received[:3])
    return received[:end] if len(received) >= max(end, _FRAME_HEAD) else b""


def _stream(frame: bytes) -> int:
    return int.from_bytes(frame[5:9]) & 0x7FFFFFFF


def _published(frame: bytes) -> str | None:
    if frame[3] != _DATA or len(frame) <= _FRAME_HEAD + _GRPC_HEAD:
        return None
    try:
        request = PublishRequest.deserialize(frame[_FRAME_HEAD + _GRPC_HEAD :])
    except DecodeError:
        return None
    return ", ".join(f"publish {message.attributes['event']}" for message in request.messages) or None
