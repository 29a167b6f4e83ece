"""The start page at `/` and the API reference at `/docs`: complete without scripts, a token or another server."""

import asyncio
import json
import re
import shlex
from html import unescape
from typing import Any

import httpx
import pytest

from tests.http.conftest import Application
from tests.http.document import Document
from tests.world import World

LINKS = re.compile(r'<a href="([^"]+)"')
CODE = re.compile(r"<code>(.*?)</code>", re.DOTALL)


def get(application: Application, path: str, **environment: str) -> httpx.Response:
    """Return the response of a trigger with these settings."""

    async def scenario() -> httpx.Response:
        async with application(**environment) as client:
            return await client.get(path)

    return asyncio.run(scenario())


@pytest.fixture(scope="module")
def reference(world: World) -> str:
    """Return the API reference as HTML."""
    page = world.http.get("/docs")
    assert page.status_code == 200
    return page.text


@pytest.mark.parametrize("path", ["/", "/docs", "/shop"])
def test_a_page_loads_nothing_else(world: World, path: str) -> None:
    page = world.http.get(path)
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["content-security-policy"].startswith(
        "default-src 'none'; img-src 'self'; style-src 'self' 'nonce-"
    )
    assert re.findall(r"<script|<link|<img|<iframe|\bsrc=|\bon\w+=|url\(|@import", page.text) == []
    assert "set-cookie" not in page.headers


def test_the_start_pages_links_work_without_a_token(world: World) -> None:
    page = world.http.get("/")
    links = LINKS.findall(page.text)
    assert links == [
        "shop",
        "cancel-without-login",
        "docs",
        world.addresses["inbox"],
        world.addresses["prefect_ui"],
        "readyz",
    ]
    for link in links:
        assert httpx.get(page.url.join(link), follow_redirects=True, timeout=60).status_code == 200


@pytest.mark.parametrize(
    ("setting", "links"), [("INBOX_URL", ["docs", "readyz"]), ("PREFECT_UI_URL", ["docs", "readyz"])]
)
def test_a_part_without_an_address_has_no_link(
    application: Application, world: World, setting: str, links: list[str]
) -> None:
    page = get(application, "/", **{setting: "", "CANCEL_WITHOUT_LOGIN": ""})
    other = {"INBOX_URL": "prefect_ui", "PREFECT_UI_URL": "inbox"}[setting]
    assert LINKS.findall(page.text) == [links[0], world.addresses[other], links[1]]


def test_the_start_page_is_off_by_default(application: Application) -> None:
    page = get(application, "/", START_PAGE="")
    assert page.status_code == 404
    assert page.headers["content-type"] == "application/problem+json"
    assert page.json()["detail"] == "There is nothing at this address. GET /docs shows every endpoint"


# The reference


def sections(reference: str) -> dict[str, str]:
    """Return the section of each operation, by its heading: `GET /subscription`."""
    found = {}
    for section in reference.split("<section")[1:]:
        heading = re.search(r"<h2.*?</h2>", section, re.DOTALL)
        assert heading
        found[unescape(re.sub("<[^>]+>", "", heading[0]))] = section
    return found


def named(document: Document, part: Any) -> set[str]:
    """Return the members of every object to which this part of the document refers, recursively."""
    names: set[str] = set()
    for name in re.findall(r"#/components/schemas/(\w+)", json.dumps(part)):
        properties = document.content["components"]["schemas"][name]["properties"]
        names |= set(properties) | named(document, properties)
    return names


def test_the_reference_describes_every_operation_completely(document: Document, reference: str) -> None:
    found = sections(reference)
    assert list(found)[:2] == ["Authentication", "Errors"]
    assert list(found)[2:] == [f"{method} {path}" for method, path in document.operations]
    for (method, path), operation in document.operations.items():
        section = found[f"{method} {path}"]
        shown = {name.rpartition(".")[2] for name in CODE.findall(section)}
        assert {each["name"] for each in operation.get("parameters", [])} <= shown
        assert named(document, operation.get("requestBody")) <= shown
        good = {status: each for status, each in operation["responses"].items() if status < "400"}
        assert named(document, good) <= shown
        assert re.findall(r"<strong>(\d+)</strong>", section) == list(operation["responses"])
        assert ("Needs no token." in section) is ("security" not in operation)
    assert named(document, {"$ref": "#/components/schemas/Problem"}) <= set(CODE.findall(found["Errors"]))


def test_every_endpoint_in_the_list_links_to_its_section(document: Document, reference: str) -> None:
    targets = re.findall(r'<a href="#([^"]+)"', reference)
    assert len(set(targets)) == len(document.operations)
    assert set(targets) <= set(re.findall(r'id="([^"]+)"', reference))


def test_every_example_works(world: World, document: Document, reference: str) -> None:
    """Each is parsed as a shell would, sent, and answered as documented."""
    user_id = document.content["components"]["schemas"]["CancelSubscriptionRequest"]["examples"][0]["user_id"]
    token = world.headers(user_id)["Authorization"].removeprefix("Bearer ")
    for heading, section in list(sections(reference).items())[2:]:
        method, path = heading.split()
        [written] = re.findall(r"<pre><code>(.*?)</code></pre>", section, re.DOTALL)
        command = (
            unescape(written).replace("$TOKEN", token).replace("$REQUEST_ID", user_id).replace("$OFFER_ID", "pause")
        )
        program, *rest = shlex.split(command)
        assert program == "curl"
        url = next(word for word in rest if word.startswith(world.addresses["http"]))
        headers = dict(rest[at + 1].split(": ", 1) for at, word in enumerate(rest) if word == "-H")
        body = rest[rest.index("-d") + 1] if "-d" in rest else None
        sent_as = rest[rest.index("-X") + 1] if "-X" in rest else "GET"
        response = httpx.request(sent_as, url, headers=headers, content=body, timeout=60)
        assert sent_as == method
        document.check(response, path)
        # The example's user has no subscription, and no wording was published.
        others = {"GET /healthz": 200, "GET /readyz": 200, "GET /consents": 200, "POST /consents": 400}
        assert response.status_code == others.get(heading, 404)
