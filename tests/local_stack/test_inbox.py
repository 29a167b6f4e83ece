"""The inbox: mail in by SMTP, plain and secure, and out as page and JSON."""

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.local_stack.helpers import running, wait_until
from tests.ports import free_port

HOSTILE = "<script>alert(1)</script>"


@dataclass(frozen=True)
class Inbox:
    smtp_port: int
    page: httpx.Client

    def deliver(self, *emails: EmailMessage) -> None:
        with smtplib.SMTP("127.0.0.1", self.smtp_port, timeout=10) as client:
            for email in emails:
                client.send_message(email)

    def listed(self, to: str = "") -> list[dict[str, str]]:
        found: list[dict[str, str]] = self.page.get("/messages.json", params={"to": to}).raise_for_status().json()
        return found


@contextmanager
def inbox_in(directory: Path, *arguments: str | Path) -> Iterator[Inbox]:
    smtp, http = free_port(), free_port()
    ports = ("--smtp-port", smtp, "--http-port", http)
    with (
        running("deployments.local.inbox", *ports, "--directory", directory, *arguments),
        httpx.Client(base_url=f"http://127.0.0.1:{http}") as page,
    ):
        wait_until(lambda: responds(page), "the inbox")
        yield Inbox(smtp, page)


def responds(page: httpx.Client) -> bool:
    try:
        return page.get("/health").is_success
    except httpx.TransportError:
        return False


@pytest.fixture(scope="module")
def inbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inbox]:
    with inbox_in(tmp_path_factory.mktemp("mail")) as running_inbox:
        yield running_inbox


def email(to: str, subject: str = "Your subscription ends", **headers: str) -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "Billing <billing@localhost>", to, subject
    for name, value in headers.items():
        made[name.replace("_", "-")] = value
    made.set_content("Zugriff bis 26. Jänner\nBye")
    made.add_alternative(
        f"<html><head></head><body><p>Zugriff bis 26. Jänner</p>{HOSTILE}</body></html>", subtype="html"
    )
    return made


def test_an_email_can_be_read_as_json(inbox: Inbox) -> None:
    inbox.deliver(email("Ann <ann@example.com>", Message_ID="<1@localhost>", Reply_To="help@localhost"))
    [summary] = inbox.listed("ANN@example.com")
    assert summary["subject"] == "Your subscription ends"
    assert summary["from"] == "Billing <billing@localhost>"
    details = inbox.page.get(f"/messages/{summary['id']}.json").json()
    assert details["text"] == "Zugriff bis 26. Jänner\nBye\n"
    assert "<p>Zugriff bis 26. Jänner</p>" in details["html"]
    assert (details["message_id"], details["reply_to"]) == ("<1@localhost>", "help@localhost")
    assert {"name": "Reply-To", "value": "help@localhost"} in details["headers"]
    assert details["recipients"] == ["ann@example.com"]


def test_the_pages_return_json_if_requested(inbox: Inbox) -> None:
    inbox.deliver(email("accept@example.com"))
    [summary] = inbox.listed("accept@example.com")
    wanted = {"Accept": "application/json"}
    for address in ("/", "/messages"):
        assert inbox.page.get(address, params={"to": "accept@example.com"}, headers=wanted).json() == [summary]
    assert inbox.page.get(f"/messages/{summary['id']}", headers=wanted).json()["id"] == summary["id"]


def test_the_newest_email_comes_first(inbox: Inbox) -> None:
    inbox.deliver(*(email("order@example.com", f"number {number}") for number in range(3)))
    assert [each["subject"] for each in inbox.listed("order@example.com")] == ["number 2", "number 1", "number 0"]


def test_an_email_is_found_by_a_bcc_recipient(inbox: Inbox) -> None:
    with smtplib.SMTP("127.0.0.1", inbox.smtp_port, timeout=10) as client:
        client.send_message(email("seen@example.com"), to_addrs=["hidden@example.com"])
    assert len(inbox.listed("hidden@example.com")) == 1


def test_an_emails_content_is_escaped_and_sandboxed(inbox: Inbox) -> None:
    inbox.deliver(email(f'"{HOSTILE}" <evil@example.com>', HOSTILE))
    [summary] = inbox.listed("evil@example.com")
    for address in ("/", f"/messages/{summary['id']}"):
        response = inbox.page.get(address)
        assert HOSTILE not in response.text
        assert "&lt;script&gt;" in response.text
        assert "default-src 'none'" in response.headers["content-security-policy"]
        assert "script-src" not in response.headers["content-security-policy"]
    part = inbox.page.get(f"/messages/{summary['id']}.html")
    assert part.headers["content-security-policy"].startswith("sandbox allow-popups")
    assert "allow-scripts" not in part.headers["content-security-policy"]
    assert f'<iframe src="/messages/{summary["id"]}.html" sandbox="allow-popups' in response.text


def test_malformed_emails_are_shown(inbox: Inbox) -> None:
    broken = [
        b"\xff\xfe no headers at all",
        b"Subject: =?bad?q?x?=\r\nDate: never\r\nContent-Type: text/plain; charset=nonsense\r\n\r\nhello",
        b"Content-Type: multipart/mixed\r\n\r\nno boundary",
        b"From: a@b\r\nTo: (((\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!",
        b"Subject: =?utf-8?b?7aCA?= \xed\xa0\x80\r\n\r\nhalf a character",
    ]
    with smtplib.SMTP("127.0.0.1", inbox.smtp_port, timeout=10) as client:
        for content in broken:
            client.sendmail("a@example.com", ["broken@example.com"], content)
    found = inbox.listed("broken@example.com")
    assert len(found) == len(broken)
    assert inbox.page.get("/").is_success
    for each in found:
        assert inbox.page.get(f"/messages/{each['id']}").is_success
        assert inbox.page.get(f"/messages/{each['id']}.json").is_success


def test_the_raw_email_can_be_downloaded(inbox: Inbox) -> None:
    inbox.deliver(email("raw@example.com"))
    [summary] = inbox.listed("raw@example.com")
    response = inbox.page.get(f"/messages/{summary['id']}.eml")
    assert response.headers["content-type"] == "message/rfc822"
    assert "attachment" in response.headers["content-disposition"]
    assert b"To: raw@example.com" in response.content


@pytest.mark.parametrize("identifier", ["missing", "..%2Fsecrets", "0" * 20 + "-00000000"])
def test_other_files_cannot_be_read(inbox: Inbox, identifier: str) -> None:
    for suffix in ("", ".json", ".eml", ".html"):
        assert inbox.page.get(f"/messages/{identifier}{suffix}").status_code == 404


def test_emails_survive_a_restart(tmp_path: Path) -> None:
    with inbox_in(tmp_path) as first:
        first.deliver(email("kept@example.com"))
        before = first.listed()
    with inbox_in(tmp_path) as second:
        assert second.listed() == before
    assert len(before) == 1
    assert [path.stat().st_mode & 0o777 for path in tmp_path.glob("*.eml")] == [0o600]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with a key and a certificate for localhost."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=1))
    builder = builder.not_valid_after(now + timedelta(days=1))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    path = tmp_path_factory.mktemp("tls") / "localhost.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(private + builder.sign(key, SHA256()).public_bytes(Encoding.PEM))
    return path


def test_an_email_is_received_over_starttls_with_a_password(tmp_path: Path, certificate: Path) -> None:
    trust = ssl.create_default_context(cafile=str(certificate))
    secure = ("--starttls", "--tls-cert", certificate, "--user", "app", "--password", "secret")
    with inbox_in(tmp_path, *secure) as inbox, smtplib.SMTP("localhost", inbox.smtp_port, timeout=10) as client:
        with pytest.raises(smtplib.SMTPException):
            client.send_message(email("secure@example.com"))
        client.starttls(context=trust)
        with pytest.raises(smtplib.SMTPAuthenticationError):
            client.login("app", "wrong")
        client.login("app", "secret")
        client.send_message(email("secure@example.com"))
        assert len(inbox.listed("secure@example.com")) == 1


def test_an_email_is_received_over_implicit_tls(tmp_path: Path, certificate: Path) -> None:
    trust = ssl.create_default_context(cafile=str(certificate))
    with inbox_in(tmp_path, "--implicit-tls", "--tls-cert", certificate) as inbox:
        with smtplib.SMTP_SSL("localhost", inbox.smtp_port, timeout=10, context=trust) as client:
            client.send_message(email("secure@example.com"))
        assert len(inbox.listed("secure@example.com")) == 1
