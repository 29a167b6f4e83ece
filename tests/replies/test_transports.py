"""Replies come in from a mailbox and by webhooks; each is stored once, also if a process is killed (FEATURES N07)."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from deployments.http.webhooks.replies import MAX_EMAIL_BYTES
from nodes.clients.mail.reply_inbox import KEYWORD
from nodes.clients.reply_webhooks.posted import Posted
from nodes.errors import InboxFailed
from nodes.replies.fetch import fetch_replies
from nodes.services import open_services, using
from nodes.settings import ServiceSettings, load
from tests.acceptance.trigger import serving
from tests.nodes.clients.imap_server import ImapServer, imap_server, imap_server_beside
from tests.nodes.clients.reply_webhooks.posts import mailgun, postmark
from tests.replies.customers import categorized, left, replies, reply, reply_address
from tests.waiting import eventually
from tests.world import Person, World

pytestmark = pytest.mark.slow


async def fetched(server: ImapServer) -> int:
    settings = load(ServiceSettings).model_copy(update={"reply_imap_url": SecretStr(server.url)})
    async with open_services(settings) as available:
        with using(available):
            return await fetch_replies()


def at(server: ImapServer, do: Callable[[ImapServer], Awaitable[int]]) -> int:
    async def scenario() -> int:
        async with imap_server(server):
            return await do(server)

    return asyncio.run(scenario())


def texts(world: World, person: Person) -> list[str]:
    return [row["text"] for row in replies(world, person)]


def test_the_mailbox_is_read_once(world: World) -> None:
    person = left(world)
    address = reply_address(world, person)
    forged = reply(address.replace("support+", "support+a"), "forged")
    server = ImapServer(reply(address, "Too dear."), reply("support@localhost", "Hello"), forged)
    assert at(server, fetched) == 2
    assert at(server, fetched) == 0
    assert texts(world, person) == ["Too dear."]
    # What is not for us stays as it is; what is forged is not read again.
    assert [email.flags for email in server.emails] == [{KEYWORD}, set(), {KEYWORD}]


def test_several_triggers_may_read_it_concurrently(world: World) -> None:
    person = left(world)
    server = ImapServer(reply(reply_address(world, person), "Too dear."))

    async def all_of_them(server: ImapServer) -> int:
        return sum(await asyncio.gather(*(fetched(server) for _ in range(3))))

    assert at(server, all_of_them) >= 1
    assert texts(world, person) == ["Too dear."]


def test_a_process_that_is_killed_before_it_marks_an_email_stores_it_once(world: World) -> None:
    person = left(world)
    server = ImapServer(reply(reply_address(world, person), "Too dear."))

    async def killed(server: ImapServer) -> int:
        environment = {**os.environ, "REPLY_IMAP_URL": server.url}
        process = await asyncio.create_subprocess_exec(sys.executable, "-m", "tests.replies.fetching", env=environment)

        def kill(command: str) -> None:
            if command == "UID STORE":
                process.kill()
                raise ConnectionResetError

        server.before = kill
        code = await process.wait()
        server.before = lambda _: None
        return code

    assert at(server, killed) < 0
    assert (texts(world, person), server.emails[0].flags) == (["Too dear."], set())
    assert at(server, fetched) == 1
    assert (texts(world, person), server.emails[0].flags) == (["Too dear."], {KEYWORD})


def test_a_mailbox_that_ends_the_connection_is_read_again_later(world: World) -> None:
    person = left(world)
    address = reply_address(world, person)
    server = ImapServer(reply(address, "Too dear."), reply(address, "And slow."))

    def end(command: str) -> None:
        if server.commands.count("UID FETCH") == 2:
            raise ConnectionResetError

    server.before = end
    with pytest.raises(InboxFailed):
        at(server, fetched)
    server.before = lambda _: None
    assert at(server, fetched) == 1
    assert texts(world, person) == ["Too dear.", "And slow."]


@pytest.mark.parametrize("command", ["UID FETCH", "UID STORE"])
@pytest.mark.parametrize("says", ["NO jo@example.com can't be read", "BAD jo@example.com"])
def test_an_email_that_the_server_refuses_holds_up_no_other(
    world: World, caplog: pytest.LogCaptureFixture, command: str, says: str
) -> None:
    person = left(world)
    address = reply_address(world, person)
    server = ImapServer(reply(address, "Too dear."), reply(address, "And slow."))
    server.refused[command] = (1, says)
    assert at(server, fetched) == 1
    assert texts(world, person)[-1] == "And slow."
    assert [email.flags for email in server.emails] == [set(), {KEYWORD}]
    assert "the email with UID 1 in the mailbox of replies" in caplog.text
    assert "jo@" not in caplog.text
    server.refused.clear()
    assert at(server, fetched) == 1
    assert sorted(texts(world, person)) == ["And slow.", "Too dear."]


def test_a_trigger_looks_into_the_mailbox_by_itself(world: World, tmp_path: Path) -> None:
    person = left(world)
    server = ImapServer(reply(reply_address(world, person), "I hardly use it any more."))
    with imap_server_beside(server), serving(tmp_path, REPLY_IMAP_URL=server.url):
        eventually(lambda: server.emails[0].flags == {KEYWORD})
    [stored] = categorized(world, person)
    assert (stored["text"], stored["category"]) == ("I hardly use it any more.", "unused")


def key() -> str:
    """Return the key that the stack's inbox signs with, as Mailgun does."""
    return os.environ["REPLY_WEBHOOKS"].removeprefix("mailgun=")


def post(world: World, posted: Posted, provider: str = "mailgun/mime") -> httpx.Response:
    headers = {"Content-Type": posted.content_type, "Authorization": posted.authorization}
    return world.http.post(f"/webhooks/replies/{provider}", content=posted.body, headers=headers)


def test_a_signed_reply_is_stored_and_categorized(world: World) -> None:
    person = left(world)
    address = reply_address(world, person)
    raw = reply(address, "I hardly use it any more.")
    for _ in range(2):
        response = post(world, mailgun(key(), raw, address))
        assert (response.status_code, response.json()) == (200, {"received": True})
    [stored] = categorized(world, person)
    assert (stored["text"], stored["category"]) == ("I hardly use it any more.", "unused")


def test_the_envelope_counts_where_the_headers_name_another_address(world: World) -> None:
    person = left(world)
    posted = mailgun(key(), reply("undisclosed-recipients:;", "Too dear."), reply_address(world, person))
    assert post(world, posted).status_code == 200
    assert texts(world, person) == ["Too dear."]


def test_what_is_not_signed_or_old_is_stored_nowhere(world: World) -> None:
    person = left(world)
    address = reply_address(world, person)
    raw = reply(address)
    for posted in (mailgun("x" * 43, raw, address), mailgun(key(), raw, address, age=400), mailgun("", raw, address)):
        response = post(world, posted)
        assert (response.status_code, response.json()["type"]) == (401, "urn:cancelflow:problem:delivery-unsigned")
    response = post(world, postmark("a:b", RawEmail=raw.decode(), OriginalRecipient=address), "postmark")
    assert response.status_code == 404  # it has no password here
    assert replies(world, person) == []


def test_a_forged_address_is_acknowledged_so_that_it_is_not_sent_again(world: World) -> None:
    person = left(world)
    address = reply_address(world, person).replace("support+", "support+a")
    assert post(world, mailgun(key(), reply(address), address)).status_code == 200
    assert replies(world, person) == []


def test_an_email_over_the_limit_is_refused(world: World) -> None:
    person = left(world)
    address = reply_address(world, person)
    raw = reply(address) + b"x" * MAX_EMAIL_BYTES
    response = post(world, mailgun(key(), raw, address))
    assert response.status_code == 413
    assert replies(world, person) == []


def test_the_inbox_of_the_stack_replies_from_its_page(world: World) -> None:
    person = left(world)
    [confirmation] = world.emails(person)
    page = world.inbox.get(f"/messages/{confirmation['id']}").text
    assert "<textarea" in page
    sent = world.inbox.post(f"/messages/{confirmation['id']}/reply", data={"text": "Zu teuer für mich, 名前."})
    assert (sent.status_code, sent.headers["location"]) == (303, f"/messages/{confirmation['id']}?sent=1")
    eventually(lambda: texts(world, person) == ["Zu teuer für mich, 名前."])
    assert world.inbox.post(f"/messages/{confirmation['id']}/reply", data={"text": " "}).status_code == 400
