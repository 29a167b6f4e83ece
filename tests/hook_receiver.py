"""A receiver of webhooks that verifies each with the library of https://www.standardwebhooks.com, and may be down."""

import base64
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

SECRET = "whsec_" + base64.b64encode(b"shared-by-sender-and-receiver-32").decode()


@dataclass
class Received:
    """A webhook: its id, its body, and whether its signature is valid."""

    id: str
    body: Any
    valid: bool


@dataclass
class Receiver:
    """The webhooks that were accepted, those that were refused, and the response to the next ones.

    `act`: what an accepted one is for; it returns the JSON to respond with.
    """

    url: str = ""
    status: int = 204
    content: Any = None
    act: Callable[[Received], Any] | None = None
    accepted: list[Received] = field(default_factory=list)
    refused: list[Received] = field(default_factory=list)

    def about(self, subscription_id: str) -> list[Received]:
        return [each for each in self.accepted if each.body["data"]["subscription_id"] == subscription_id]


@contextmanager
def receiving(tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """Serve on a free port of 127.0.0.1."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["content-length"]))
            got = Received(self.headers["webhook-id"], json.loads(raw), _is_valid(self.headers, raw))
            accepts = receiver.status < 300
            (receiver.accepted if accepts else receiver.refused).append(got)
            content = receiver.act(got) if accepts and receiver.act else receiver.content
            body = b"" if content is None else json.dumps(content).encode()
            self.send_response(receiver.status)
            self.send_header("content-length", str(len(body)))
            self.send_header("location", "/elsewhere")  # of a redirect, which is not to be followed
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class's name
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        receiver.url = f"http{'s' if tls else ''}://127.0.0.1:{server.server_port}/hooks"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()


def _is_valid(headers: Any, raw: bytes) -> bool:
    try:
        Webhook(SECRET).verify(raw, dict(headers.items()))
    except WebhookVerificationError:
        return False
    return True
