"""A customer's browser without a login and without JavaScript, and the emails with codes."""

import random
import re
from ipaddress import IPv4Address

import httpx

from tests.cancel_page.visitor import Visitor
from tests.waiting import eventually
from tests.world import Person, Row, World

PAGE = "/cancel-without-login"
ENTER_CODE = "Enter the code from our email"
WRONG = "This code isn't right, or it no longer works."
TOO_OFTEN = "Too many codes in a short time"
SURVEY = "What's your main reason for cancelling?"


def new_client() -> str:
    """Return an IP address that no other test has, of the network for documentation and private ones."""
    return str(IPv4Address(random.randrange(int(IPv4Address("10.0.0.0")), int(IPv4Address("10.255.255.255")))))


def own(url: str) -> dict[str, str]:
    """Return the settings of a trigger on a database of its own."""
    return {"DATABASE_URL": url, "DATABASE_ADMIN_URL": url}


class Stranger(Visitor):
    """A browser on the page, at an IP address of its own: the trigger believes the test as it would a proxy."""

    def __init__(self, world: World, url: str | None = None, client: str | None = None) -> None:
        super().__init__(world, url)
        self.http.headers["X-Forwarded-For"] = client or new_client()

    def ask(self, address: str) -> httpx.Response:
        """Enter an email address."""
        self.page = self.http.post(PAGE, data={"email": address})
        return self.page

    def enter(self, code: str, **fields: str) -> httpx.Response:
        """Enter a code on the page that is shown, or press one of its buttons."""
        self.page = self.http.post(PAGE, data={**self.hidden, "code": code, **fields})
        return self.page

    def is_told_wrong(self) -> bool:
        return (self.page.status_code, self.title, WRONG in self.text) == (400, ENTER_CODE, True)

    @property
    def code_id(self) -> str:
        """The id of the code that this browser asked for."""
        return self.hidden["code_id"]

    @property
    def buttons(self) -> dict[str, str]:
        """The text of each subscription's button, with the value that it sends."""
        found = re.findall(r'name="subscription" value="([^"]*)">(.*?)</button>', self.page.text, re.DOTALL)
        return {" ".join(re.sub(r"<[^>]+>", " ", text).split()): value for value, text in found}


def code_emails(world: World, address: str, code_id: str | None = None) -> list[Row]:
    """Return the emails with a code to this address, of one code or of all."""
    found = world.inbox.get("/messages.json", params={"to": address}).json()
    emails = [world.inbox.get(f"/messages/{each['id']}.json").json() for each in found]
    return [each for each in emails if re.search(rf"\d{{4}} \d{{4}}\b.*{code_id or ''}", each["text"], re.DOTALL)]


def code_in(email: Row) -> str:
    [code] = re.findall(r"^\d{4} \d{4}$", email["text"], re.MULTILINE)
    return str(code)


def sent_code(world: World, person: Person, stranger: Stranger) -> str:
    """Wait for the email with the code that this browser asked for, and return the code."""
    code_id = stranger.code_id
    [email] = eventually(lambda: code_emails(world, person.email, code_id))
    return code_in(email)


def row_of(world: World, code_id: str) -> Row:
    return world.row("SELECT * FROM cancel_codes WHERE id = %s", code_id)


def handled(world: World, code_id: str) -> bool:
    """Return whether nothing is left to do for a code: it was sent, or there is nobody to send it to."""
    return row_of(world, code_id)["resume_at"] is None


def move(world: World, code_id: str, seconds: float) -> None:
    """Make a code so much older."""
    moved = """UPDATE cancel_codes SET asked_at = asked_at - make_interval(secs => %s),
        expires_at = expires_at - make_interval(secs => %s) WHERE id = %s"""
    world.admin.execute(moved.encode(), [seconds, seconds, code_id])
