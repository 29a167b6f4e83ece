"""The key pair that signs and verifies tokens on one machine."""

from pathlib import Path

import jwt
import pytest

from deployments.local.identity import identity


def test_a_token_signed_with_the_private_key_is_verified_by_the_public_one(tmp_path: Path) -> None:
    settings = identity(tmp_path, {})
    claims = {"sub": "someone", "iss": settings["JWT_ISSUER"], "aud": settings["JWT_AUDIENCE"]}
    token = jwt.encode(claims, settings["JWT_PRIVATE_KEY"], algorithm="EdDSA")
    public, audience, issuer = settings["JWT_PUBLIC_KEY"], "cancelflow", "http://localhost/cancelflow"
    assert jwt.decode(token, public, algorithms=["EdDSA"], audience=audience, issuer=issuer)["sub"] == "someone"


def test_the_key_is_stored_and_private(tmp_path: Path) -> None:
    assert identity(tmp_path / "identity", {}) == identity(tmp_path / "identity", {})
    assert (tmp_path / "identity").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "identity" / "private.pem").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("name", ["JWT_JWKS_URL", "JWT_PUBLIC_KEY", "JWT_SECRET"])
def test_an_external_key_takes_precedence(tmp_path: Path, name: str) -> None:
    settings = identity(tmp_path, {name: "external", "JWT_AUDIENCE": "their-audience", "JWT_USER_CLAIM": "their-id"})
    assert settings[name] == "external"
    assert settings["JWT_AUDIENCE"] == "their-audience"
    assert settings["JWT_USER_CLAIM"] == "their-id"
    assert "JWT_PRIVATE_KEY" not in settings
    assert not list(tmp_path.iterdir())
