"""Mailgun's signature and Postmark's password: right, wrong, old; and the email in each format."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

import pytest
from pydantic import SecretStr

from nodes.clients.reply_webhooks.mailgun import TOLERANCE_SECONDS, Mailgun
from nodes.clients.reply_webhooks.posted import Delivered, Posted, Provider
from nodes.clients.reply_webhooks.postmark import Postmark
from nodes.refusals.webhooks import DeliveryInvalid, DeliveryUnsigned
from tests.nodes.clients.reply_webhooks.posts import mailgun, multipart, postmark

OLD, NEW = "old-key", "new-key"
# No UTF-8, and a line break that must not be changed.
RAW = "To: support+abc@example.com\r\n\r\nZu teuer für mich\r\n".encode("latin-1")
TO = "support+abc@example.com"


def read(provider: Provider, posted: Posted) -> Delivered | None:
    return asyncio.run(provider.read(posted))


MAILGUN = Mailgun([SecretStr(NEW), SecretStr(OLD)])
POSTMARK = Postmark([SecretStr("cancelflow:new"), SecretStr("cancelflow:old")])


@pytest.mark.parametrize("key", [NEW, OLD])
@pytest.mark.parametrize("age", [0, TOLERANCE_SECONDS - 60, 60 - TOLERANCE_SECONDS])
def test_mailguns_email_is_read_as_it_arrived(key: str, age: float) -> None:
    found = read(MAILGUN, mailgun(key, RAW, TO, age=age))
    assert found is not None
    assert (found.raw, found.recipients) == (RAW, (TO,))


def test_mailguns_other_form_is_read_too() -> None:
    fields = dict(parse_qsl(mailgun(NEW, b"", TO).body.decode()))
    found = read(MAILGUN, multipart({name: value.encode() for name, value in fields.items()} | {"body-mime": RAW}))
    assert found is not None
    assert (found.raw, found.recipients) == (RAW, (TO,))


@pytest.mark.parametrize(
    ("key", "changes"),
    [
        ("another-key", {}),
        (NEW, {"age": TOLERANCE_SECONDS + 10}),
        (NEW, {"age": -TOLERANCE_SECONDS - 3600}),
        (NEW, {"token": "b" * 50}),
        (NEW, {"timestamp": "9" * 4000}),
        (NEW, {"timestamp": "soon"}),
        (NEW, {"signature": ""}),
    ],
)
def test_an_unsigned_or_old_post_of_mailgun_is_refused(key: str, changes: dict[str, Any]) -> None:
    posted = mailgun(key, RAW, TO, **changes)  # here, as it would be too old some minutes after the import
    with pytest.raises(DeliveryUnsigned):
        read(MAILGUN, posted)


@pytest.mark.parametrize(
    "posted",
    [
        Posted(b"", "application/x-www-form-urlencoded", ""),
        Posted(RAW, "message/rfc822", ""),
        Posted(b"--xyz", "multipart/form-data; boundary=xyz", ""),
    ],
)
def test_what_is_no_form_of_mailgun_is_refused(posted: Posted) -> None:
    with pytest.raises(DeliveryUnsigned):
        read(MAILGUN, posted)


def test_a_route_that_sends_no_whole_email_is_told_so() -> None:
    posted = mailgun(NEW, RAW, TO)
    with pytest.raises(DeliveryInvalid, match="/mime"):
        read(MAILGUN, replace(posted, body=posted.body.replace(b"body-mime", b"body-plain")))


@pytest.mark.parametrize("password", ["cancelflow:new", "cancelflow:old"])
def test_postmarks_email_is_read(password: str) -> None:
    found = read(POSTMARK, postmark(password, RawEmail="To: a@b\r\n\r\nZu teuer für mich", OriginalRecipient=TO))
    assert found is not None
    assert (found.raw, found.recipients) == ("To: a@b\r\n\r\nZu teuer für mich".encode(), (TO,))


def without_password(posted: Posted) -> Posted:
    return replace(posted, authorization="")


def with_a_token(posted: Posted) -> Posted:
    return replace(posted, authorization="Bearer new")


def with_no_base64(posted: Posted) -> Posted:
    return replace(posted, authorization="Basic ü%")


@pytest.mark.parametrize("change", [without_password, with_a_token, with_no_base64])
def test_postmark_without_its_password_is_refused(change: Callable[[Posted], Posted]) -> None:
    with pytest.raises(DeliveryUnsigned):
        read(POSTMARK, change(postmark("cancelflow:new", RawEmail="x")))
    with pytest.raises(DeliveryUnsigned):
        read(POSTMARK, postmark("cancelflow:wrong", RawEmail="x"))


@pytest.mark.parametrize("body", [b"{}", b"[]", b"null", b'{"RawEmail": 1}', b"{", b"[" * 100_000, b"\xff"])
def test_postmark_without_the_raw_email_is_told_so(body: bytes) -> None:
    with pytest.raises(DeliveryInvalid, match="include the raw email content"):
        read(POSTMARK, replace(postmark("cancelflow:new"), body=body))
