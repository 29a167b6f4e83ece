"""A customer's browser without JavaScript: opens the cancel page with a token, and presses its buttons."""

import re
import time
import uuid
from html import unescape
from typing import Any, Self

import httpx
import jwt

from nodes.settings import CancelPageSettings, load
from tests.world import Person, Row, World


def token(person: Person, *, key: tuple[str, str] | None = None, **claims: Any) -> str:
    """Return a token as the company's server signs it; a claim that is None is left out."""
    key_id, secret = key or next((k, s.get_secret_value()) for k, s in load(CancelPageSettings).session_secrets.items())
    usual = {
        "iss": "cancelflow",
        "sub": person.user_id,
        "mode": "test",
        "exp": int(time.time()) + 300,
        "jti": str(uuid.uuid4()),
    }
    given = {name: value for name, value in (usual | claims).items() if value is not None}
    return jwt.encode(given, secret, algorithm="HS256", headers={"kid": key_id})


class Visitor:
    """A browser with cookies. `page`: the page that it shows."""

    def __init__(self, world: World, url: str | None = None) -> None:
        self.http = httpx.Client(base_url=url or world.addresses["http"], timeout=60, follow_redirects=True)
        self.page = httpx.Response(0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def open(self, token: str) -> httpx.Response:
        self.page = self.http.get("/cancel", params={"token": token})
        return self.page

    def reload(self) -> httpx.Response:
        self.page = self.http.get("/cancel")
        return self.page

    def press(self, action: str, **fields: str) -> httpx.Response:
        """Press a button with the page's hidden fields and these."""
        self.page = self.http.post("/cancel", data={**self.hidden, "action": action, **fields})
        return self.page

    def accept(self, text: str) -> httpx.Response:
        """Press the button of the first offer whose text contains this one."""
        [value, *_] = [value for value, shown in self.options if text in shown]
        self.page = self.http.post("/cancel", data={**self.hidden, "accept": value})
        return self.page

    @property
    def hidden(self) -> dict[str, str]:
        """The page's hidden fields."""
        return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', self.page.text))

    @property
    def title(self) -> str:
        [found] = re.findall(r"<h1>(.*?)</h1>", self.page.text, re.DOTALL)
        return unescape(found)

    @property
    def text(self) -> str:
        """The page's text, without its markup."""
        main = self.page.text.partition("<main>")[2]
        return " ".join(unescape(re.sub(r"<style[^>]*>.*?</style>|<[^>]+>", " ", main, flags=re.DOTALL)).split())

    @property
    def options(self) -> list[tuple[str, str]]:
        """The value and the offer's text of each button that accepts one."""
        found: list[tuple[str, str]] = []
        for section in re.findall(r'<section class="offer".*?</section>', self.page.text, re.DOTALL):
            text = " ".join(unescape(re.sub(r"<[^>]+>", " ", section)).split())
            found += [(unescape(value), text) for value in re.findall(r'name="accept" value="([^"]*)"', section)]
        return found


def sessions_of(world: World, person: Person) -> list[Row]:
    return world.rows(
        """SELECT s.*, session_outcome(s, interval '30 minutes') AS outcome FROM cancel_sessions s
        WHERE s.user_id = %s ORDER BY s.opened_at""",
        person.user_id,
    )


def path_of(world: World, person: Person) -> list[tuple[str, Row]]:
    """Return the events of the person's sessions, in order, each with its detail."""
    rows = world.rows(
        """SELECT e.kind, e.detail FROM session_events e JOIN cancel_sessions s ON s.id = e.session_id
        WHERE s.user_id = %s ORDER BY s.opened_at, e.number""",
        person.user_id,
    )
    return [(each["kind"], each["detail"]) for each in rows]
