"""Authentication on one machine: a key pair, created on first start, that signs and verifies tokens."""

from collections.abc import Mapping
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from deployments.local.files import private_directory, write_private

ISSUER = "http://localhost/cancelflow"
AUDIENCE = "cancelflow"
KEY_SOURCES = ("JWT_JWKS_URL", "JWT_PUBLIC_KEY", "JWT_SECRET")  # with any of these, another issuer signs tokens


def identity(directory: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the JWT settings: from the environment if it names a key, otherwise for a key pair in the directory."""
    given = {name: environment[name] for name in (*KEY_SOURCES, "JWT_PRIVATE_KEY") if environment.get(name)}
    if not any(name in given for name in KEY_SOURCES):
        given = key_pair(directory)
    names = {"JWT_ISSUER": ISSUER, "JWT_AUDIENCE": AUDIENCE, "JWT_USER_CLAIM": "sub"}
    return given | {name: environment.get(name) or usual for name, usual in names.items()}


def key_pair(directory: Path) -> dict[str, str]:
    """Return JWT_PUBLIC_KEY and JWT_PRIVATE_KEY: PEM, Ed25519 (`alg: EdDSA`)."""
    kept = private_directory(directory) / "private.pem"
    if not kept.exists():
        write_private(
            kept, Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        )
    private = kept.read_bytes()
    public = load_pem_private_key(private, password=None).public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    write_private(directory / "public.pem", pem)
    return {"JWT_PUBLIC_KEY": pem.decode(), "JWT_PRIVATE_KEY": private.decode()}
