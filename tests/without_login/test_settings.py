"""The page is off unless it is switched on, needs no session secret, and its README names what there is to set."""

import asyncio
import re

import httpx
import pytest

from nodes.cancel_codes.asking import PER_ADDRESS, PER_CLIENT
from nodes.cancel_codes.trying import MOST_TRIES
from tests.http.conftest import Application
from tests.test_architecture import ROOT
from tests.without_login.stranger import PAGE

README = (ROOT / "deployments" / "http" / "pages" / "without_login" / "README.md").read_text(encoding="utf-8")


def get(application: Application, *paths: str, **environment: str) -> list[httpx.Response]:
    async def scenario() -> list[httpx.Response]:
        async with application(**environment) as client:
            return [await client.get(path) for path in paths]

    return asyncio.run(scenario())


def test_the_page_is_off_by_default(application: Application) -> None:
    [page, start] = get(application, PAGE, "/", CANCEL_WITHOUT_LOGIN="")
    assert page.status_code == 404
    assert "without-login" not in start.text


def test_the_page_needs_no_session_secret(application: Application) -> None:
    pages = get(application, PAGE, "/cancel", "/cancel?token=x", "/embed.js", SESSION_SECRETS="")
    assert [each.status_code for each in pages] == [200, 401, 401, 404]


@pytest.mark.parametrize("name", ["CANCEL_WITHOUT_LOGIN", "TRUSTED_PROXIES"])
def test_every_setting_is_documented(name: str) -> None:
    assert f"| `{name}` |" in README


def test_the_limits_are_documented() -> None:
    text = " ".join(README.split())
    found = re.search(
        r"An address gets (\d+) codes an hour, and a client (\d+)\. A code gets at most (\d+) tries", text
    )
    assert found
    assert [int(each) for each in found.groups()] == [PER_ADDRESS, PER_CLIENT, MOST_TRIES]
