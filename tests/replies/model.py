"""An OpenAI-compatible endpoint that responds as a test wants."""

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

GOOD = '{"category": "too_expensive", "confidence": 0.9}'


@dataclass
class Model:
    """A server: what it got, what it does then, and the statuses and the text with which it responds."""

    url: str = ""
    says: str = GOOD
    raw: bytes | None = None
    statuses: list[int] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    act: Callable[[], None] = lambda: None
    got: list[tuple[str, str | None, dict[str, Any]]] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def hang(self) -> None:
        """Respond to nothing until the server ends."""

        def wait() -> None:
            self.ended.wait()

        self.act = wait


@contextmanager
def serving() -> Iterator[Model]:
    model = Model()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            model.got.append((self.path, self.headers["authorization"], body))
            model.act()
            completion = {"choices": [{"message": {"role": "assistant", "content": model.says}}]}
            content = json.dumps(completion).encode() if model.raw is None else model.raw
            self.send_response(model.statuses.pop(0) if model.statuses else 200)
            for name, value in {**model.headers, "content-length": str(len(content))}.items():
                self.send_header(name, value)
            with contextlib.suppress(ConnectionError):  # a client that was killed, or that waits no longer
                self.end_headers()
                self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class's name
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        model.url = f"http://127.0.0.1:{server.server_port}/v1"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield model
        finally:
            model.ended.set()
            server.shutdown()
