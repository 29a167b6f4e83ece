"""Links in emails work only for their purpose, and only until they expire."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest

from nodes.clients.links import LinkPayload, Links
from nodes.errors import SettingsInvalid
from nodes.refusals.links import LinkExpired, LinkInvalid
from nodes.settings import LinkSettings

SECRET = "a-secret-of-at-least-thirty-two-characters"
LATER = (datetime.now(UTC) + timedelta(days=30)).replace(microsecond=0)
IDS = {"subscription_id": "sub_1", "request_id": "req-1"}


def links(secret: str = SECRET, public_url: str = "https://billing.example.com/") -> Links:
    return Links(LinkSettings.model_validate({"link_secret": secret, "public_url": public_url}))


def test_a_link_has_its_page_and_purpose() -> None:
    url = links().url("reactivate", **IDS, expires_at=LATER)
    parts = urlsplit(url)
    (token,) = parse_qs(parts.query)["token"]
    assert (parts.scheme, parts.netloc, parts.path) == ("https", "billing.example.com", "/reactivate")
    assert links().verify(token, "reactivate") == LinkPayload("reactivate", "sub_1", "req-1", LATER)
    assert urlsplit(links().url("feedback", **IDS, expires_at=LATER)).path == "/feedback"


def test_the_same_arguments_give_the_same_link() -> None:
    assert links().url("feedback", **IDS, expires_at=LATER) == links().url("feedback", **IDS, expires_at=LATER)


def test_a_link_is_valid_for_one_purpose_only() -> None:
    with pytest.raises(LinkInvalid):
        links().verify(links().sign("feedback", **IDS, expires_at=LATER), "reactivate")


def test_a_link_expires() -> None:
    token = links().sign("reactivate", **IDS, expires_at=datetime.now(UTC) - timedelta(seconds=1))
    with pytest.raises(LinkExpired):
        links().verify(token, "reactivate")


def test_a_forged_link_is_not_reported_as_expired() -> None:
    token = links("another-secret-of-thirty-two-characters!").sign(
        "reactivate", **IDS, expires_at=datetime(2020, 1, 1, tzinfo=UTC)
    )
    with pytest.raises(LinkInvalid):
        links().verify(token, "reactivate")


def _altered(token: str) -> str:
    return token[:-6] + ("A" if token[-6] != "A" else "B") + token[-5:]


CLAIMS = {"aud": "reactivate", "sub": "sub_1", "request_id": "req-1", "exp": int(LATER.timestamp())}


@pytest.mark.parametrize(
    "token",
    [
        "",
        "rubbish",
        "a.b.c",
        "ü.ü.ü",
        "\x00",
        _altered(links().sign("reactivate", **IDS, expires_at=LATER)),
        links().sign("reactivate", **IDS, expires_at=LATER)[:-20],
        jwt.encode(CLAIMS, "", algorithm="none"),
        jwt.encode(CLAIMS, SECRET * 2, algorithm="HS512"),
        jwt.encode({**CLAIMS, "aud": ["reactivate", "feedback"]}, SECRET),
        *(jwt.encode({k: v for k, v in CLAIMS.items() if k != gone}, SECRET) for gone in CLAIMS),
    ],
)
def test_a_link_that_we_did_not_sign_is_invalid(token: str) -> None:
    with pytest.raises(LinkInvalid):
        links().verify(token, "reactivate")


@pytest.mark.parametrize(
    "url", ["", "billing.example.com", "ftp://example.com", "https://", "https://example.com/?a=b"]
)
def test_an_invalid_public_url_is_an_invalid_setting(url: str) -> None:
    with pytest.raises(SettingsInvalid, match="PUBLIC_URL"):
        links(public_url=url)


def test_a_mail_program_can_post_to_the_link_that_unsubscribes() -> None:
    """A query and no path that redirects (RFC 8058, 3.1)."""
    url = links().unsubscribe_url("auth0|ö 1", LATER)
    parts = urlsplit(url)
    (token,) = parse_qs(parts.query)["token"]
    assert (parts.scheme, parts.netloc, parts.path) == ("https", "billing.example.com", "/preferences")
    assert url.isascii()
    assert links().user_of(token) == "auth0|ö 1"
