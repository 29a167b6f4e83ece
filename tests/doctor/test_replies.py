"""How replies come in: not at all, from a mailbox that can be opened, or by webhooks."""

import asyncio

import pytest

from deployments.doctor.finding import Level
from tests.doctor.conftest import Found, assert_bad, assert_ok, examined, found
from tests.nodes.clients.imap_server import ImapServer, imap_server

PART = "Replies"
WAITING = b"To: support+abc@localhost\r\n\r\nToo dear.\r\n"

pytestmark = pytest.mark.usefixtures("stack")


def test_replies_may_not_come_in() -> None:
    assert_ok(found(PART, REPLY_WEBHOOKS=None, REPLY_TO=None), "replies")


def test_the_addresses_for_webhooks_are_shown() -> None:
    both = {"REPLY_WEBHOOKS": "mailgun=a,postmark=b:c", "PUBLIC_URL": "https://billing.example.com/"}
    findings = found(PART, **both)
    assert_ok(findings, "webhooks")
    base = "https://billing.example.com/webhooks/replies"
    assert findings["webhooks"].found == f"{base}/mailgun/mime, {base}/postmark"


def at(server: ImapServer, changed: str = "") -> Found:
    async def scenario() -> Found:
        async with imap_server(server):
            return await examined(PART, REPLY_WEBHOOKS=None, REPLY_IMAP_URL=server.url + changed)

    return asyncio.run(scenario())


def test_a_mailbox_is_opened() -> None:
    findings = at(ImapServer(WAITING, b"To: support@localhost\r\n\r\nHello\r\n"))
    assert_ok(findings, "mailbox")
    assert findings["mailbox"].found == "1 emails to support+… wait to be read"


def test_a_mailbox_that_is_not_there_fails() -> None:
    assert_bad(at(ImapServer(), "-of-another-name")["response"], Level.FAILED, "no such folder")


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"REPLY_TO": None}, "REPLY_TO is not set"),
        ({"REPLY_TO": "customers-of-example-com@example.com"}, "REPLY_TO must have 1 to 21 characters"),
        ({"REPLY_WEBHOOKS": "sendgrid=hunter2"}, "PROVIDER is one of mailgun, postmark, ses"),
        ({"REPLY_IMAP_URL": "imap://user:hunter2@mail.example.com"}, "REPLY_IMAP_URL must begin with imaps://"),
    ],
)
def test_a_wrong_setting_is_named(settings: dict[str, str | None], says: str) -> None:
    finding = found(PART, **settings)["settings"]
    assert finding.of_settings
    assert says in finding.found
    assert "hunter2" not in finding.found
