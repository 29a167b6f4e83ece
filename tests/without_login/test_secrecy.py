"""Nobody learns from the page whether an address is a customer's: by text, status, headers or work (FEATURES F21)."""

import asyncio
import re
from collections.abc import Callable
from uuid import uuid4

import httpx
import pytest
from psycopg import errors

from nodes.cancel_codes.derivation import code_of
from nodes.cancel_codes.trying import MOST_TRIES
from nodes.clients.database import client as database
from nodes.services import open_services, using
from nodes.settings import ServiceSettings, load
from tests.http.conftest import Application
from tests.waiting import eventually
from tests.without_login.stranger import PAGE, WRONG, Stranger, code_emails, handled, row_of, sent_code
from tests.world import Person, World

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload raw bytes:DeprecationWarning"),
]

# What is random in each response: ids, the nonce of the styles, and the secret in the cookie.
_RANDOM = re.compile(
    r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?<=nonce-)[\w-]+|(?<=nonce=\")[\w-]+|(?<=session=)[^;]+"
)


@pytest.fixture(scope="module")
def person(world: World) -> Person:
    return world.person("professional")


def unknown() -> str:
    return f"{uuid4().hex}@example.com"


def raw(response: httpx.Response) -> str:
    """Return the whole response, with its random parts replaced."""
    headers = [f"{name}: {value}" for name, value in response.headers.multi_items() if name != "date"]
    return _RANDOM.sub("…", "\n".join([str(response.status_code), *headers, "", response.text]))


async def talk(client: httpx.AsyncClient, address: str, done: Callable[[], list[str]]) -> list[tuple[str, list[str]]]:
    """Ask for a code and enter wrong ones; return each response, and the statements that were run until it came."""
    client.cookies.clear()
    asked = await client.post(PAGE, data={"email": address})
    said = [(raw(asked), done())]
    shown = await client.get(f"/{asked.headers['location']}")
    said.append((raw(shown), done()))
    form = {"code_id": asked.headers["location"].partition("=")[2]}
    for code in ["00000000", "", "x", *["00000000"] * MOST_TRIES]:
        tried = await client.post(PAGE, data={**form, "code": code})
        said.append((raw(tried), done()))
    return said


def test_a_known_and_an_unknown_address_get_the_same_responses_by_the_same_statements(
    application: Application, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In this process, where each statement before a response can be seen. Its time is that of the same work."""
    original, seen = database._sql, list[tuple[object, str]]()

    def seen_sql(query: str) -> object:
        seen.append((asyncio.current_task(), query))
        return original(query)

    monkeypatch.setattr(database, "_sql", seen_sql)

    def done() -> list[str]:
        """Return the statements of this task alone: the trigger's own work runs in others."""
        mine = [query for task, query in seen if task is asyncio.current_task()]
        seen.clear()
        return mine

    async def scenario() -> tuple[list[tuple[str, list[str]]], ...]:
        async with application() as client:
            return await talk(client, person.email, done), await talk(client, unknown(), done)

    known, stranger = asyncio.run(scenario())
    assert known == stranger
    tries = len(known) - 2
    assert [statements for _, statements in known] == [["ask_for_code"], [], *[["try_code"]] * tries]
    assert [text.partition("\n")[0] for text, _ in known] == ["303", "200", *["400"] * tries]
    assert len({text for text, _ in known[2:]}) == 1  # and no try is different from another


def test_over_the_limit_both_get_the_same_response(world: World, person: Person) -> None:
    said = []
    for address in (world.person("starter").email, unknown()):
        responses = []
        for _ in range(4):
            with Stranger(world) as stranger:
                stranger.ask(address)
                responses.append(re.sub(r"retry-after: \d+|\d+ minutes", "…", raw(stranger.page)))
        said.append(responses)
    assert said[0] == said[1]
    assert said[0][3].startswith("429\n")


def test_not_even_the_right_code_of_an_unknown_address_does_anything(world: World, stranger: Stranger) -> None:
    stranger.ask(unknown())
    eventually(lambda: handled(world, stranger.code_id))
    seed = row_of(world, stranger.code_id)["seed"]

    async def right() -> str:
        async with open_services(load(ServiceSettings)) as services:
            with using(services):
                return code_of(seed)

    stranger.enter(asyncio.run(right()))
    assert stranger.is_told_wrong()
    assert stranger.http.get("/cancel").status_code == 401


def test_an_unknown_address_gets_no_email_and_is_forgotten(world: World, stranger: Stranger, other: Stranger) -> None:
    address, person = unknown(), world.person("starter")
    stranger.ask(address)
    other.ask(person.email)
    code = sent_code(world, person, other)
    eventually(lambda: handled(world, stranger.code_id) and handled(world, other.code_id))

    assert code_emails(world, address) == []
    unknown_row, known_row = row_of(world, stranger.code_id), row_of(world, other.code_id)
    assert (unknown_row["address"], unknown_row["user_ids"]) == (None, [])
    assert (known_row["address"], known_row["user_ids"]) == (None, [person.user_id])
    clients = [each.http.headers["X-Forwarded-For"] for each in (stranger, other)]
    for row in (unknown_row, known_row):
        text = str({name: value.hex() if isinstance(value, bytes) else value for name, value in row.items()})
        for secret in (address, person.email, code.replace(" ", ""), *clients):
            assert secret not in text
            assert secret.encode().hex() not in text


def test_the_email_names_the_customer_and_not_what_was_typed(world: World, stranger: Stranger) -> None:
    person = world.person("other_locale")
    stranger.ask(person.email.upper())
    sent_code(world, person, stranger)
    [email] = code_emails(world, person.email)
    assert email["subject"] == "Ihr Code für die Kündigung Ihres Abonnements"
    assert "Jürgen Groß" in email["text"]
    assert person.email.upper() not in email["text"] + email["html"]


@pytest.mark.parametrize(
    "statement",
    ["SELECT FROM cancel_codes", "UPDATE cancel_codes SET tries = 0", "DELETE FROM cancel_codes",
     "INSERT INTO cancel_codes (address_hash, client_hash) VALUES ('', '')"],
)  # fmt: skip
def test_the_application_has_no_access_to_the_codes(world: World, person: Person, statement: str) -> None:
    with world.as_application(person.user_id) as connection, pytest.raises(errors.InsufficientPrivilege):
        connection.execute(statement.encode())
    table = world.row("SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE relname = 'cancel_codes'")
    assert set(table.values()) == {True}


def test_no_one_else_may_call_the_functions(world: World) -> None:
    """They run as the owner, and look up any user's address."""
    functions = ["ask_for_code", "claim_cancel_codes", "code_to_send", "code_sent", "try_code", "prune_cancel_codes"]
    found = world.rows("SELECT proname, proacl::text AS acl FROM pg_proc WHERE proname = ANY(%s)", functions)
    assert len(found) == len(functions)
    assert [each for each in found if re.search(r"[{,]=", each["acl"]) or "cancelflow_app=X" not in each["acl"]] == []


@pytest.mark.parametrize("address", ["", "nobody", "a@b@c", "a b@example.com", "a@example.com\r\nBcc: b@example.com",
    "a@example.com,b@example.com", "<a@example.com>", "\0@example.com", "é" * 300 + "@example.com"])  # fmt: skip
def test_what_is_no_address_gets_the_form_again_and_says_so(world: World, stranger: Stranger, address: str) -> None:
    stranger.ask(address)
    assert (stranger.page.status_code, stranger.title) == (400, "Cancel your subscription")
    assert "Enter an email address such as name@example.com." in stranger.text
    assert "<a@" not in stranger.page.text


@pytest.mark.parametrize("code", ["", "1234", "x" * 10_000, "\uff11" * 8, "\0", "12345678; DROP TABLE users"])
def test_what_is_no_code_is_a_wrong_code(world: World, stranger: Stranger, code: str) -> None:
    stranger.ask(unknown())
    stranger.enter(code)
    assert stranger.is_told_wrong()
    assert WRONG in stranger.text


@pytest.mark.parametrize("code_id", ["", "x", "0", "\0", "00000000-0000-0000-0000-00000000000g"])
def test_an_address_without_an_id_asks_for_the_email_address(world: World, stranger: Stranger, code_id: str) -> None:
    page = stranger.http.get(PAGE, params={"id": code_id})
    assert (page.status_code, "Email address" in page.text) == (200, True)
    assert stranger.http.post(PAGE, data={"code_id": code_id, "code": "12345678"}).status_code == 400


def test_an_id_that_was_never_given_looks_like_any_other(world: World, stranger: Stranger) -> None:
    stranger.ask(unknown())
    known = raw(stranger.http.get(PAGE, params={"id": stranger.code_id})), raw(stranger.enter("12345678"))
    never = {"code_id": str(uuid4()), "code": "12345678"}
    assert known == (
        raw(stranger.http.get(PAGE, params={"id": never["code_id"]})),
        raw(stranger.http.post(PAGE, data=never)),
    )


def test_a_body_that_is_no_form_is_refused(world: World, stranger: Stranger) -> None:
    assert stranger.http.post(PAGE, json={"email": unknown()}).status_code == 400
    assert stranger.http.post(PAGE, data={"email": "x" * 100_000}).status_code == 413
