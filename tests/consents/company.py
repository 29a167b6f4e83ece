"""A company that asks for consent: its wordings, its server's tokens, and a customer's view of it."""

import re
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from deployments.migrations import migrate
from deployments.operations.consents import publish
from nodes.clients.links import Links
from nodes.messages.preferences import LINK_LASTS
from nodes.rules.consents import Channel
from nodes.settings import LinkSettings, load
from tests.acceptance.trigger import serving
from tests.faults.own_database import OwnWorld
from tests.nodes.clients.test_database import new_database, settings
from tests.world import Row, World

WORDINGS = """wordings:
- {channel: phone, version: 1, text: You may call me.}
- channel: phone
  version: 2
  text:
    en: You may call me once after I cancel. An AI may make the call.
    de: Sie dürfen mich nach meiner Kündigung einmal anrufen. Den Anruf kann eine KI führen.
- {channel: email_marketing, version: 1, text: You may email me what is new.}
- {channel: email_marketing, version: 2, text: You may email me what is new and on offer.}
"""
# During rotation there are two.
TOKENS = ("old-service-token-of-the-company-1234", "new-service-token-of-the-company-5678")
# The phone's first wording doesn't count any more.
LEAST: dict[Channel, int] = {"phone": 2}


@dataclass(frozen=True)
class Company:
    """The company's trigger, and the database behind it."""

    world: World
    http: httpx.Client

    def customer(self, locale: str = "en_US") -> str:
        """Create a user, and return the id."""
        user_id = str(uuid.uuid4())
        self.world.admin.execute(
            "INSERT INTO users (id, email, locale) VALUES (%s, %s, %s)", [user_id, f"{user_id}@example.com", locale]
        )
        return user_id

    def post(self, user: str, /, *, key: str | None = None, **body: Any) -> httpx.Response:
        """Send POST /consents with the customer's own token."""
        headers = self.world.headers(user) | ({"Idempotency-Key": key} if key else {})
        return self.http.post("/consents", json=body, headers=headers)

    def accepts(self, user: str, channel: str = "phone", version: int = 2) -> Row:
        """Record an acceptance, and return the response."""
        named = {"language": "en"} if channel == "phone" and version == 2 else {}
        agreed: dict[str, Any] = {"accepted": True, "wording_version": version, "source": "form", **named}
        response = self.post(user, channel=channel, **agreed)
        assert response.status_code == 200, response.text
        found: Row = response.json()
        return found

    def ledger(self, user_id: str) -> list[Row]:
        return self.world.rows("SELECT * FROM consents WHERE user_id = %s ORDER BY id", user_id)

    def current(self, user_id: str) -> dict[str, bool]:
        rows = self.world.rows("SELECT channel, accepted FROM current_consents WHERE user_id = %s", user_id)
        return {row["channel"]: row["accepted"] for row in rows}


class Preferences:
    """The preferences page in a browser without JavaScript."""

    def __init__(self, company: Company, link: str) -> None:
        self._http = company.http
        self.token = parse_qs(urlsplit(link).query).get("token", [link.rpartition("/")[2]])[0]
        self.page = self._http.get(f"/preferences/{self.token}", follow_redirects=True)

    def press(self, action: str = "save", **ticks: str | None) -> httpx.Response:
        """Press a button. `ticks`: by channel, the value of a box that is ticked now; None for one that is not."""
        form = self.hidden | self.ticked | {name: value for name, value in ticks.items() if value}
        for name in [name for name, value in ticks.items() if value is None]:
            form.pop(name, None)
        self.page = self._http.post("/preferences", data=form | {"action": action})
        return self.page

    @property
    def boxes(self) -> dict[str, str]:
        """Return each channel's box by the value that it sends."""
        return dict(re.findall(r'type="checkbox" name="(\w+)" id="\w+" value="([^"]*)"', self.page.text))

    @property
    def ticked(self) -> dict[str, str]:
        found = dict(re.findall(r'type="checkbox" name="(\w+)" id="\w+" value="([^"]*)" checked', self.page.text))
        return {name: unescape(value) for name, value in found.items()}

    @property
    def hidden(self) -> dict[str, str]:
        return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', self.page.text))

    @property
    def text(self) -> str:
        main = self.page.text.partition("<main>")[2]
        return " ".join(unescape(re.sub(r"<[^>]+>", " ", main)).split())


def link_of(user_id: str, expires_in: timedelta = LINK_LASTS) -> str:
    """Return the user's own link to the page."""
    return Links(load(LinkSettings)).preferences_url(user_id, datetime.now(UTC) + expires_in)


@contextmanager
def without_wordings(world: World) -> Iterator[dict[str, str]]:
    """Yield the settings of a new database, in which nothing was published."""
    with new_database(world.addresses["database_admin_url"]) as url:
        migrate(settings(url))
        yield {"DATABASE_URL": url, "DATABASE_ADMIN_URL": url}


@contextmanager
def asking_for_consent(world: World, directory: Path, wordings: str | None = WORDINGS) -> Iterator[Company]:
    """Run the company's trigger with its wordings published, if it has any, on a database of its own."""
    with without_wordings(world) as own:
        if wordings:
            file = directory / "consents.yaml"
            file.write_text(wordings, encoding="utf-8")
            publish(settings(own["DATABASE_URL"]), file)
        more = {"SERVICE_TOKENS": ",".join(TOKENS), "CONSENT_MIN_VERSION": f"phone={LEAST['phone']}"}
        with closing(OwnWorld(world, own)) as seen, serving(directory, **own, **more) as http:
            yield Company(seen, http)
