"""Emails are sent over every kind of SMTP, name their sender, and fail with our errors, which name no recipient."""

import asyncio
import ssl
from collections.abc import Coroutine
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from email_templates import Email
from nodes.clients.mail.client import Mailer
from nodes.errors import EmailRefused, MailFailed, SettingsInvalid
from nodes.settings import MailSettings
from tests.nodes.clients.smtp_servers import (
    PASSWORD,
    USER,
    Inbox,
    NeverSaysGoodbye,
    black_hole,
    only_the_password,
    self_signed,
    smtp_server,
)
from tests.ports import free_port

EMAIL = Email(subject="Gekündigt: 26. März", text="Grüße\n" + "lang " * 400, html="<p>Grüße</p>")
MESSAGE_ID = "req-1.cancellation@example.com"
LOGIN = f"{quote(USER, safe='')}:{quote(PASSWORD, safe='')}"


def settings(url: str, mail_from: str = "Müller & Söhne <billing@example.com>", **more: str | None) -> MailSettings:
    return MailSettings.model_validate({"smtp_url": url, "mail_from": mail_from, **more})


async def send(
    mailer: Mailer, recipient: str = "ada@example.net", message_id: str = MESSAGE_ID, email: Email = EMAIL
) -> None:
    await mailer.send(email, recipient=recipient, message_id=message_id)


async def sent(inbox: Inbox, recipient: str, *, url: str = "smtp://127.0.0.1:{port}", **options: Any) -> None:
    """Send to a server that is started for this one email."""
    async with smtp_server(inbox, **options) as port:
        await send(Mailer(settings(url.format(port=port)), timeout=5), recipient)


def failure(sending: Coroutine[Any, Any, None]) -> MailFailed:
    with pytest.raises(MailFailed) as caught:
        asyncio.run(sending)
    return caught.value


def hides_the_library_error(error: MailFailed) -> bool:
    """Return whether a traceback ends with our error, without the library's, which quotes the server."""
    return error.__cause__ is None and error.__suppress_context__


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    return self_signed(tmp_path_factory.mktemp("tls"))


def test_an_email_arrives_complete_with_its_headers() -> None:
    inbox = Inbox()
    asyncio.run(sent(inbox, "ada@example.net"))

    (email,) = inbox.emails
    assert inbox.recipients == ["ada@example.net"]
    assert email["From"] == "Müller & Söhne <billing@example.com>"
    assert email["To"] == "ada@example.net"
    assert email["Subject"] == EMAIL.subject
    assert email["Message-ID"] == f"<{MESSAGE_ID}>"
    assert email["Auto-Submitted"] == "auto-generated"
    assert email["Date"].datetime.tzinfo is not None
    assert email.get_content_type() == "multipart/alternative"
    text, html = email.iter_parts()
    assert text.get_content().split("\r\n") == [*EMAIL.text.split("\n"), ""]
    assert html.get_content().rstrip() == EMAIL.html


def test_an_email_is_sent_over_starttls_with_a_login(
    certificate: tuple[Path, ssl.SSLContext], monkeypatch: pytest.MonkeyPatch
) -> None:
    file, context = certificate
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    inbox = Inbox()
    url = f"smtp+starttls://{LOGIN}@127.0.0.1:{{port}}"
    options = {"tls_context": context, "require_starttls": True, "auth_required": True}
    asyncio.run(sent(inbox, "ada@example.net", url=url, authenticator=only_the_password, **options))
    assert inbox.recipients == ["ada@example.net"]


def test_an_email_is_sent_over_implicit_tls(certificate: tuple[Path, ssl.SSLContext]) -> None:
    file, context = certificate
    inbox = Inbox()

    async def scenario() -> None:
        async with smtp_server(inbox, tls=context) as port:
            trusting = ssl.create_default_context(cafile=str(file))
            mailer = Mailer(settings(f"smtps://127.0.0.1:{port}"), ssl_context=trusting)
            await mailer.check()
            await send(mailer)

    asyncio.run(scenario())
    assert inbox.recipients == ["ada@example.net"]


def test_an_untrusted_certificate_is_refused(certificate: tuple[Path, ssl.SSLContext]) -> None:
    inbox = Inbox()
    url = f"smtp+starttls://{LOGIN}@127.0.0.1:{{port}}"
    error = failure(sent(inbox, "ada@example.net", url=url, tls_context=certificate[1]))
    assert "certificate" in str(error)
    assert inbox.emails == []


def test_no_email_is_sent_in_the_clear_if_starttls_is_missing() -> None:
    inbox = Inbox()
    error = failure(sent(inbox, "ada@example.net", url=f"smtp+starttls://{LOGIN}@127.0.0.1:{{port}}"))
    assert "STARTTLS" in str(error)
    assert inbox.emails == []


def test_a_wrong_password_is_reported_and_not_shown() -> None:
    url = f"smtp://{quote(USER)}:not-the-word@127.0.0.1:{{port}}"
    options = {"authenticator": only_the_password, "auth_require_tls": False}
    error = failure(sent(Inbox(), "ada@example.net", url=url, **options))
    assert "login" in str(error)
    assert "not-the-word" not in str(error)
    assert hides_the_library_error(error)


@pytest.mark.parametrize(
    ("inbox", "kind"),
    [
        (Inbox(response_to_recipient="550 no ada@example.net here"), EmailRefused),
        (Inbox(response_to_recipient="450 ada@example.net is busy"), MailFailed),
        (Inbox(response_to_email="554 ada@example.net does not want this"), EmailRefused),
        (Inbox(response_to_email="451 later, ada@example.net"), MailFailed),
    ],
    ids=["recipient for good", "recipient for now", "email for good", "email for now"],
)
def test_permanent_and_temporary_refusals_differ_and_name_no_recipient(inbox: Inbox, kind: type[MailFailed]) -> None:
    error = failure(sent(inbox, "ada@example.net"))
    assert type(error) is kind
    assert "ada" not in str(error)
    assert hides_the_library_error(error)
    assert inbox.emails == []


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ada",
        "ada@",
        "@example.net",
        "ada@example.net\r\nBcc: eve@example.net",
        "ada@example.net\nRCPT TO:<eve@example.net>",
        "ada@example.net, eve@example.net",
        "Ada <ada@example.net>",
        "ada@example.net> NOTIFY=NEVER",
        '"a b"@example.net',
        "ada@exa mple.net",
        "ada@example..net",
        "ada@\x00example.net",
        "a" * 65 + "@example.net",
    ],
)
def test_a_malformed_address_is_refused_without_a_connection(address: str) -> None:
    mailer = Mailer(settings(f"smtp://127.0.0.1:{free_port()}"))
    error = failure(send(mailer, address))
    assert isinstance(error, EmailRefused)
    assert str(error) == "the recipient's address is malformed"


def test_a_line_break_cannot_inject_a_header() -> None:
    mailer = Mailer(settings(f"smtp://127.0.0.1:{free_port()}"))
    forged = Email(subject="Hello\r\nBcc: eve@example.net", text="", html="")
    assert isinstance(failure(send(mailer, message_id="a@b>\r\nBcc: eve@example.net")), EmailRefused)
    assert isinstance(failure(mailer.send(forged, recipient="ada@example.net", message_id=MESSAGE_ID)), EmailRefused)


def test_a_non_ascii_address_needs_smtputf8_for_its_local_part_only() -> None:
    modern, old = Inbox(), Inbox()
    asyncio.run(sent(modern, "jörg@münchen.example", enable_SMTPUTF8=True))
    asyncio.run(sent(old, "ada@münchen.example", enable_SMTPUTF8=False))
    assert modern.recipients == ["jörg@münchen.example"]
    assert modern.emails[0]["To"] == "jörg@münchen.example"
    assert old.recipients == ["ada@xn--mnchen-3ya.example"]
    assert isinstance(failure(sent(old, "jörg@münchen.example", enable_SMTPUTF8=False)), EmailRefused)


def test_an_accepted_email_counts_as_sent_even_if_the_server_goes_silent() -> None:
    inbox = Inbox()
    asyncio.run(sent(inbox, "ada@example.net", kind=NeverSaysGoodbye))
    assert len(inbox.emails) == 1


def test_a_missing_or_silent_server_times_out() -> None:
    absent = Mailer(settings(f"smtp://127.0.0.1:{free_port()}"))
    assert "could not be reached" in str(failure(send(absent)))
    assert "could not be reached" in str(failure(absent.check()))
    with black_hole() as port:
        silent = Mailer(settings(f"smtp://127.0.0.1:{port}"), timeout=0.2)
        assert "in time" in str(failure(send(silent)))
        assert "in time" in str(failure(silent.check()))


def test_one_timeout_applies_to_the_whole_conversation() -> None:
    class Slow(Inbox):
        async def handle_RCPT(self, *arguments: Any) -> str:  # noqa: N802
            await asyncio.Event().wait()
            return "250 OK"

    async def scenario() -> None:
        async with smtp_server(Slow()) as port:
            await send(Mailer(settings(f"smtp://127.0.0.1:{port}"), timeout=0.2))

    assert "in time" in str(failure(scenario()))


@pytest.mark.parametrize("mail_from", ["", "Billing", "Billing <billing@b>\nBcc: eve@example.net", "a@b, c@d"])
def test_an_invalid_sender_is_an_invalid_setting(mail_from: str) -> None:
    with pytest.raises(SettingsInvalid, match="MAIL_FROM"):
        Mailer(settings("smtp://127.0.0.1", mail_from))


@pytest.mark.parametrize("reply_to", ["Support", "Support <s@b>\nBcc: eve@example.net", "a@b, c@d"])
def test_an_invalid_reply_address_is_an_invalid_setting(reply_to: str) -> None:
    with pytest.raises(SettingsInvalid, match="REPLY_TO"):
        Mailer(settings("smtp://127.0.0.1", reply_to=reply_to))


@pytest.mark.parametrize("reply_to", [None, "Söhne <people@example.com>"])
def test_replies_go_to_the_reply_address(reply_to: str | None) -> None:
    inbox = Inbox()

    async def scenario() -> None:
        async with smtp_server(inbox) as port:
            await send(Mailer(settings(f"smtp://127.0.0.1:{port}", reply_to=reply_to)))

    asyncio.run(scenario())
    [email] = inbox.emails
    assert email["Reply-To"] == reply_to


def sent_with_its_own_address(inbox: Inbox, domain: str = "example.com") -> None:
    async def scenario() -> None:
        async with smtp_server(inbox) as port:
            mailer = Mailer(settings(f"smtp://127.0.0.1:{port}", reply_to=f"Söhne <people@{domain}>"))
            own = f"people+abc@{domain}"
            await mailer.send(EMAIL, recipient="ada@example.net", message_id=MESSAGE_ID, reply_to=own)

    asyncio.run(scenario())
    [email] = inbox.emails
    assert email["Reply-To"] == f"Söhne <people+abc@{domain}>"
    assert email["From"].addresses[0].addr_spec == "billing@example.com"


@pytest.mark.parametrize(
    ("domain", "sender"),
    [
        ("example.com", "people+abc@example.com"),
        ("Example.com", "people+abc@Example.com"),
        ("example.org", "billing@example.com"),
    ],
)
def test_a_bounce_comes_to_the_emails_own_address_if_the_senders_domain_is_the_same(domain: str, sender: str) -> None:
    inbox = Inbox()
    sent_with_its_own_address(inbox, domain)
    assert inbox.senders == [sender]


@pytest.mark.parametrize("refuses", ["RCPT", "DATA"])
def test_a_server_that_accepts_no_other_sender_gets_the_usual_one(refuses: str) -> None:
    class OneSender(Inbox):
        async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, *more: Any) -> str:  # noqa: N802
            if refuses == "RCPT" and envelope.mail_from != "billing@example.com":
                return "553 not owned by user"
            return await super().handle_RCPT(server, session, envelope, *more)

        async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
            if envelope.mail_from != "billing@example.com":
                return "554 send as denied"
            return await super().handle_DATA(server, session, envelope)

    inbox = OneSender()
    sent_with_its_own_address(inbox)
    assert (inbox.senders, inbox.recipients) == (["billing@example.com"], ["ada@example.net"])


def test_an_email_without_an_address_of_its_own_is_sent_by_the_sender() -> None:
    inbox = Inbox()
    asyncio.run(sent(inbox, "ada@example.net"))
    assert inbox.senders == ["billing@example.com"]


@pytest.mark.parametrize("length", [10, 900])
def test_a_marketing_email_can_be_unsubscribed_from_by_one_click(length: int) -> None:
    inbox, url = Inbox(), f"https://billing.example.com/preferences?token={'aB-_.' * (length // 5)}"

    async def scenario() -> None:
        async with smtp_server(inbox) as port:
            mailer = Mailer(settings(f"smtp://127.0.0.1:{port}"))
            await mailer.send(EMAIL, recipient="ada@example.net", message_id=MESSAGE_ID, unsubscribe_url=url)

    asyncio.run(scenario())
    [email] = inbox.emails
    # As it came: mail providers don't decode it.
    sent = {name: str(value) for name, value in email.raw_items()}
    assert sent["List-Unsubscribe"] == f"<{url}>"
    assert sent["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_an_email_without_html_is_plain_text_alone() -> None:
    inbox = Inbox()

    async def scenario() -> None:
        async with smtp_server(inbox) as port:
            await send(Mailer(settings(f"smtp://127.0.0.1:{port}")), email=Email("One question", "Grüße\n"))

    asyncio.run(scenario())
    [message] = inbox.emails
    assert (message.get_content_type(), message.is_multipart()) == ("text/plain", False)
    assert message.get_content().strip() == "Grüße"
