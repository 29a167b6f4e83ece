"""The embed over HTTP: its script, who may frame the page, and its cookie (FEATURES C15 to C19, C34)."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from deployments.http.pages.embed.scripts import CONTENTS, EMBED, versioned
from tests.acceptance.trigger import serving
from tests.cancel_page.visitor import Visitor, sessions_of, token
from tests.conftest import Addresses
from tests.world import World

ORIGINS = ("http://localhost:3000", "https://app.example.com")
SURVEY = "What's your main reason for cancelling?"
NO_SESSION = "Open this page from your account"
OWN = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture(scope="module")
def http(stack: Addresses, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Yield a client of a trigger whose page two sites may embed."""
    with serving(tmp_path_factory.mktemp("embed"), EMBED_ORIGINS=",".join(ORIGINS)) as client:
        yield client


@pytest.fixture
def framed(world: World, http: httpx.Client) -> Iterator[Visitor]:
    """Yield the frame of an embed, in a browser that sends secure cookies to this machine without TLS."""
    with Visitor(world, str(http.base_url)) as visitor:

        def trust(_: httpx.Response) -> None:
            for cookie in visitor.http.cookies.jar:
                cookie.secure = False

        visitor.http.event_hooks = {"response": [trust]}
        yield visitor


def opened(framed: Visitor, signed: str, **more: str) -> httpx.Response:
    """Open the page in the frame: the first response asks the browser for its cookie, and refreshes."""
    asked = framed.http.get("/cancel", params={"token": signed, "embed": "1", **more})
    framed.page = framed.http.get("/" + asked.headers["Refresh"].removeprefix("0; url="))
    return asked


def policy(response: httpx.Response) -> dict[str, str]:
    found = (each.strip().partition(" ") for each in response.headers["Content-Security-Policy"].split(";"))
    return {name: value for name, _, value in found}


def test_the_script_is_under_10_kb() -> None:
    assert 0 < len(CONTENTS[EMBED]) < 10_000


@pytest.mark.parametrize("address", CONTENTS)
@pytest.mark.slow
def test_the_scripts_are_cached_by_version(http: httpx.Client, address: str) -> None:
    plain, named = http.get(f"/{address}"), http.get(f"/{versioned(address)}")
    assert plain.content == named.content == CONTENTS[address]
    assert plain.headers["Content-Type"].startswith("text/javascript")
    assert plain.headers["Cache-Control"] == "public, max-age=3600"
    assert "immutable" in named.headers["Cache-Control"]
    assert http.get(f"/{address}?v=another").headers["Cache-Control"] == plain.headers["Cache-Control"]
    again = http.get(f"/{address}", headers={"If-None-Match": plain.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.slow
def test_only_the_listed_sites_can_frame_the_page_and_only_as_the_embed(world: World, framed: Visitor) -> None:
    opened(framed, token(world.person("professional")))
    assert framed.title == SURVEY
    assert policy(framed.page)["frame-ancestors"] == " ".join(ORIGINS)
    assert policy(framed.page)["script-src"] == "'self'"
    assert "X-Frame-Options" not in framed.page.headers
    framed.open(token(world.person("professional")))  # in a window
    assert framed.title == SURVEY
    assert policy(framed.page)["frame-ancestors"] == "'none'"
    assert "script-src" not in policy(framed.page)
    assert framed.page.headers["X-Frame-Options"] == "DENY"
    assert "<script" not in framed.page.text


@pytest.mark.slow
def test_the_cookie_is_for_the_site_around_the_frame_alone(world: World, framed: Visitor) -> None:
    asked = opened(framed, token(world.person("professional")))
    for response in (asked, *framed.page.history):
        cookie = response.headers["Set-Cookie"]
        assert cookie.startswith("cancelflow_embed=")
        assert cookie.endswith("; HttpOnly; SameSite=None; Secure; Partitioned")
    assert NO_SESSION in framed.http.get("/cancel").text  # a window has a session of its own


@pytest.mark.slow
def test_a_token_is_not_used_before_the_browser_kept_a_cookie(world: World, framed: Visitor) -> None:
    person = world.person("professional")
    signed = token(person)
    for asked in ({}, {"asked": "1"}):
        with httpx.Client(base_url=framed.http.base_url) as forgetful:
            page = forgetful.get("/cancel", params={"token": signed, "embed": "1", **asked})
            assert page.status_code == 200
    assert f'href="cancel?token={signed}"' in page.text
    assert sessions_of(world, person) == []
    framed.open(signed)
    assert framed.title == SURVEY


@pytest.mark.slow
@pytest.mark.parametrize("site", [None, "cross-site", "same-site", "none"])
def test_another_sites_form_presses_nothing_in_the_frame(world: World, framed: Visitor, site: str | None) -> None:
    person = world.person("professional")
    opened(framed, token(person))
    headers = {"Sec-Fetch-Site": site} if site else {}
    pressed = {"action": "cancel", "place": "0"}
    assert NO_SESSION in framed.http.post("/cancel?embed=1", data=pressed, headers=headers).text
    assert not world.stripe.subscriptions.retrieve(person.subscription_id).cancel_at_period_end
    assert "Your subscription is cancelled" in framed.http.post("/cancel?embed=1", data=pressed, headers=OWN).text


@pytest.mark.slow
def test_the_session_is_forgotten_and_restarted(world: World, framed: Visitor) -> None:
    person = world.person("professional")
    opened(framed, token(person))
    restart = {"token": token(person), "embed": "1", "restart": "1"}
    framed.page = framed.http.get("/cancel", params=restart)
    assert framed.title == SURVEY
    assert len(sessions_of(world, person)) == 2
    assert NO_SESSION in framed.http.get("/cancel?embed=1&forget=1").text
    assert NO_SESSION in framed.http.get("/cancel?embed=1").text


@pytest.mark.slow
def test_without_sites_there_is_no_embed(world: World, tmp_path: Path) -> None:
    with serving(tmp_path, EMBED_ORIGINS="") as http, Visitor(world, str(http.base_url)) as visitor:
        visitor.page = visitor.http.get("/cancel", params={"token": token(world.person("professional")), "embed": "1"})
        assert visitor.title == SURVEY
        assert policy(visitor.page)["frame-ancestors"] == "'none'"
        assert visitor.http.get("/embed.js").status_code == 404
