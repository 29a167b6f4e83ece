"""An identity provider's key set, served over HTTP, whose keys a test changes while it runs."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

Key = RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey

_JWK_OF: dict[type, Any] = {
    RSAPrivateKey: jwt.algorithms.RSAAlgorithm,
    EllipticCurvePrivateKey: jwt.algorithms.ECAlgorithm,
    Ed25519PrivateKey: jwt.algorithms.OKPAlgorithm,
}


def private_pem(key: Key) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def public_pem(key: Key) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def jwk(key: Key, kid: str, algorithm: str) -> dict[str, Any]:
    """Return the public key as a member of a key set."""
    kind = next(made for each, made in _JWK_OF.items() if isinstance(key, each))
    return {**kind.to_jwk(key.public_key(), as_dict=True), "kid": kid, "alg": algorithm, "use": "sig"}


class Provider:
    """The response, and how often it was requested."""

    def __init__(self) -> None:
        self.response: Any = {"keys": []}
        self.status = 200
        self.asked = 0
        self.url = ""

    def offer(self, *keys: dict[str, Any]) -> None:
        self.response = {"keys": list(keys)}


@contextmanager
def provider() -> Iterator[Provider]:
    """Serve on a free port of 127.0.0.1."""
    served = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the library's name
            served.asked += 1
            body = served.response if isinstance(served.response, bytes) else json.dumps(served.response).encode()
            self.send_response(served.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        served.url = f"http://127.0.0.1:{server.server_port}/keys"
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield served
        finally:
            server.shutdown()
            thread.join()
