"""Reading emails as they arrive: their kind, addresses and text, whatever they are made of."""

import base64
from datetime import UTC, datetime
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.replies.inbound import MOST_BYTES, InboundEmail, read_email
from nodes.rules.reasons import MAX_FEEDBACK_CHARACTERS

AT = datetime(2026, 11, 26, 11, 0, tzinfo=UTC)
HEADERS = {
    "From": "Jo Müller <jo@example.com>",
    "To": "Support <cancel+abc@example.org>",
    "Subject": "Re: One question about your plan",
    "Message-ID": "<1@example.com>",
}


def message(text: str = "Too expensive.", **headers: str) -> EmailMessage:
    made = EmailMessage()
    for name, value in {**HEADERS, **{key.replace("_", "-"): value for key, value in headers.items()}}.items():
        made[name] = value
    made.set_content(text)
    return made


def read(made: EmailMessage) -> InboundEmail:
    return read_email(bytes(made))


def test_a_reply_has_its_addresses_and_new_text() -> None:
    quoted = "Zu teuer, danke für alles.\n\nAm 24.11.2026 um 15:12 schrieb Support:\n> Danke\n"
    found = read(message(quoted, Delivered_To="other@example.org", Cc="a@example.com, B <b@example.com>"))
    assert (found.kind, found.text, found.message_id) == ("reply", "Zu teuer, danke für alles.", "<1@example.com>")
    assert found.recipients == ("other@example.org", "cancel+abc@example.org", "a@example.com", "b@example.com")


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("Cc", "=?utf-8?Q?M=C3=BCller=2C_J=C3=B6rg_=28Einkauf=2C_DE=29?= <j@x.de>"),
        ("Cc", "a@x.com,"),
        ("Cc", "a@x.com; b@x.com"),
        ("Cc", "Jane @ Acme <j@x.de>"),
        ("To", "cancel+abc@example.org <cancel+abc@example.org>"),
        ("To", "undisclosed-recipients:;, <cancel+abc@example.org"),
    ],
)
def test_a_recipient_is_found_beside_any_other(name: str, written: str) -> None:
    to = "" if name == "To" else f"To: {HEADERS['To']}\n"
    found = read_email(f"From: jo@example.com\n{to}{name}: {written}\n\nToo slow".encode())
    assert "cancel+abc@example.org" in found.recipients


@pytest.mark.parametrize(
    ("date", "at"),
    [
        ("Thu, 26 Nov 2026 12:00:00 +0100", AT),
        ("26 Nov 2026 11:00:00 -0000", AT),
        ("yesterday", None),
        ("", None),
        ("Thu, 26 Nov 2026 12:00:00 +9999", None),
        ("Fri, 31 Dec 9999 23:59:59 -1200", None),
        ("Thu, 26 Nov 0 25:61:61", None),
    ],
)
def test_an_email_says_when_it_was_sent_if_it_has_a_date(date: str, at: datetime | None) -> None:
    found = read(message(Date=date))
    assert (found.kind, found.sent_at) == ("reply", at)


def test_a_header_that_can_not_be_decoded_is_read_as_it_is_written() -> None:
    found = read_email(b"From: jo@example.com\nTo: cancel+abc@example.org\nSubject: =?utf-8?B?abcde?=\n\nSTOP")
    assert (found.kind, found.text, found.recipients) == ("reply", "STOP", ("cancel+abc@example.org",))


def test_nothing_personal_is_in_its_representation() -> None:
    assert "jo@" not in repr(read(message())) and "expensive" not in repr(read(message()))


def test_the_plain_text_is_preferred_and_html_becomes_text() -> None:
    both = message("From the plain part")
    both.add_alternative("<p>From the HTML part</p>", subtype="html")
    assert read(both).text == "From the plain part"
    empty = message(" \n")
    empty.add_alternative("<p>From the <i>HTML</i> part</p>", subtype="html")
    assert read(empty).text == "From the HTML part"
    only = message()
    only.set_content("<div>Trop&nbsp;cher</div>", subtype="html")
    assert read(only).text == "Trop cher"


def test_attachments_and_enclosed_emails_are_not_read() -> None:
    made = message("Too slow")
    made.add_attachment(b"x" * 1000, maintype="image", subtype="png", filename="screen.png")
    made.add_attachment("attached text", filename="notes.txt")
    made.add_attachment(message("an enclosed email"))
    assert read(made).text == "Too slow"


@pytest.mark.parametrize(
    ("charset", "written"),
    [
        ("iso-8859-1", "Gebühr".encode("latin-1")),
        ("windows-1252", "Gebühr".encode("cp1252")),
        ("utf-8", "Gebühr".encode()),
        ("utf-8", "Gebühr".encode("latin-1")),  # another charset than it says
        ("x-unknown", "Gebühr".encode()),
        ("", "Gebühr".encode()),
        ("us-ascii", "Gebühr".encode()),
        ("utf-16", "Gebühr".encode("utf-16")),
    ],
)
def test_any_charset_is_read(charset: str, written: bytes) -> None:
    head = f"From: a@example.com\nContent-Type: text/plain; charset={charset}\nContent-Transfer-Encoding: 8bit\n\n"
    if charset == "utf-16":
        head, written = head.replace("8bit", "base64"), base64.b64encode(written)
    assert read_email(head.encode() + written).text == "Gebühr"


def test_a_long_text_is_cut_off() -> None:
    assert len(read(message("word " * 5_000)).text) <= MAX_FEEDBACK_CHARACTERS
    raw = bytes(message("Too slow")) + b"\n" * MOST_BYTES + b"later"
    assert read_email(raw).text == "Too slow"


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto_Submitted": "auto-replied"},
        {"Auto_Submitted": "auto-generated (vacation)"},
        {"Auto_Submitted": "auto-replied", "Return_Path": "<>"},  # an auto-reply has no return path (RFC 3834)
        {"Precedence": "bulk"},
        {"Precedence": "auto_reply"},
        {"X_Autoreply": "yes"},
        {"X_Autorespond": "Away"},
        {"Subject": "Automatic reply: One question about your plan"},
        {"Subject": "Automatic reply"},
        {"Subject": "Out of Office: Re: One question"},
        {"Subject": "Out of Office AutoReply: Re: One question"},
        {"Subject": "Auto: One question"},
        {"Subject": "Automatische Antwort: Eine Frage"},
        {"Subject": "Abwesenheitsnotiz: Eine Frage"},
        {"Subject": "Réponse automatique : Une question"},
        {"Subject": "Respuesta automática: Una pregunta"},
    ],
)
def test_auto_replies_are_no_answers(headers: dict[str, str]) -> None:
    found = read(message(**headers))
    assert (found.kind, found.text) == ("auto_reply", "")


def report(*actions: str, head: bytes = b"") -> bytes:
    """Return a delivery report (RFC 3464) about a recipient for each action."""
    recipients = "".join(f"Final-Recipient: rfc822; jo@example.com\nAction: {each}\n\n" for each in actions).encode()
    return (
        b"From: MAILER-DAEMON@example.com\n" + head + b"MIME-Version: 1.0\n"
        b"Content-Type: multipart/report; report-type=delivery-status; boundary=x\n\n--x\n\nhi\n"
        b"--x\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; example.com\n\n" + recipients + b"\n"
        b"--x\nContent-Type: text/rfc822-headers\n\nSubject: Cancelled\n--x--\n"
    )


@pytest.mark.parametrize("action", ["delayed", "delivered", "relayed", "expanded"])
@pytest.mark.parametrize("head", [b"", b"Return-Path: <>\nX-Failed-Recipients: jo@example.com\n"])
def test_a_report_that_nothing_failed_is_no_bounce(action: str, head: bytes) -> None:
    assert read_email(report(action, head=head)).kind == "auto_reply"


@pytest.mark.parametrize(
    "raw",
    [
        b"Content-Type: multipart/report; report-type=disposition-notification; boundary=x\n\n--x--",
        b"Content-Type: multipart/report; boundary=x\n\n--x\nContent-Type: message/delivery-status\n\n\n--x--",
        b"Content-Type: multipart/report; report-type=delivery-status\n\nAction: failed",
    ],
)
def test_a_read_receipt_or_a_report_of_nothing_is_an_auto_reply(raw: bytes) -> None:
    assert read_email(b"From: a@b.c\n" + raw).kind == "auto_reply"


@pytest.mark.parametrize(
    "raw",
    [
        b"From: Mail Delivery System <MAILER-DAEMON@example.com>\nSubject: Undelivered\n\nx",
        b"From: postmaster@example.com\nAuto-Submitted: auto-replied\n\nx",
        b"From: postmaster@example.com\nReturn-Path: <>\n\nx",
        report("failed"),
        report("delayed", "failed"),
        report("Failed", head=b"Return-Path: <>\nAuto-Submitted: auto-replied\n"),
        b"From: a@example.com\nX-Failed-Recipients: b@example.com\n\nx",
        b"From: a@example.com\nReturn-Path: <>\n\nx",
    ],
)
def test_bounces_are_no_answers(raw: bytes) -> None:
    found = read_email(raw)
    assert (found.kind, found.text) == ("bounce", "")


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto_Submitted": "no"},
        {"Subject": "Re: Automatic reply"},
        {"Return_Path": "<jo@example.com>"},
        {"Subject": "Office moved, out of budget"},
        {"Precedence": "normal"},
        {"From": "postmaster@jo-design.de"},
        {"From": "postmaster@jo-design.de", "Auto_Submitted": "no", "Return_Path": "<postmaster@jo-design.de>"},
        {"Subject": "Vacation plans changed, so I left"},
        {"Subject": "Absence of a feature"},
        {"Subject": "Automatic reply emails never worked"},
        {"Subject": "Abwesenheit war der Grund"},
        # As a group adds to each email that passes it.
        {"List_Id": "<billing.example.com>", "Precedence": "list"},
    ],
)
def test_a_person_is_not_taken_for_a_program(headers: dict[str, str]) -> None:
    assert read(message(**headers)).kind == "reply"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\n\n",
        b"\xff\xfe\x00",
        b"Content-Type: multipart/mixed\n\nno boundary",
        b"Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: multipart/mixed; boundary=x\n\n--x\n",
        b"Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\n!!!!",
        b"Content-Type: text/plain; charset*0*=x'y'%zz\n\nhi",
        b"From: =?x-unknown?b?!!?= <\nTo: <<<>>>, @, =?utf-8?q?=FF?=\nMessage-ID:\n\nhi",
        b"Content-Transfer-Encoding: uuencode\n\nbegin 644 x\n\xff\n",
        b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(3000)),
    ],
)
def test_a_malformed_email_does_not_raise(raw: bytes) -> None:
    assert read_email(raw).kind in ("reply", "unreadable")


@given(
    st.binary(max_size=300),
    st.sampled_from([b"", b"Content-Type: ", b"From: ", b"Content-Disposition: ", b"Subject: "]),
)
def test_no_bytes_at_all_raise(rest: bytes, start: bytes) -> None:
    assert isinstance(read_email(start + rest), InboundEmail)
