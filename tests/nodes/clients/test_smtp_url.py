"""SMTP_URL: three schemes, standard ports, and errors that do not repeat a password."""

import pytest

from nodes.clients.mail.smtp_url import SmtpServer, parse_smtp_url
from nodes.errors import SettingsInvalid


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail", SmtpServer("mail", 25, "plain")),
        ("smtp://[::1]:2525/", SmtpServer("::1", 2525, "plain")),
        ("smtp+starttls://mail", SmtpServer("mail", 587, "starttls")),
        ("smtps://mail", SmtpServer("mail", 465, "tls")),
        ("smtps://a%40b:p%2F%25%3A@mail:1", SmtpServer("mail", 1, "tls", "a@b", "p/%:")),
    ],
)
def test_a_url_is_parsed(url: str, server: SmtpServer) -> None:
    assert parse_smtp_url(url) == server


@pytest.mark.parametrize(
    "url",
    [
        "",
        "mail:25",
        "http://user:S3cret@mail",
        "smtp://",
        "smtp://user:S3cret@",
        "smtp://user:S3cret@mail:port",
        "smtp://user:S3cret@mail:0",
        "smtp://user:S3cret@mail:99999",
        "smtp://user:S3c/ret@mail",
        "smtp://user:S3c#ret@mail",
        "smtp://user:S3cret@mail/path",
        "smtp://user:S3cret@mail?tls=no",
        "smtp://user:S3cret@[mail",
        "smtp://user@mail",
        "smtp://:S3cret@mail",
    ],
)
def test_an_invalid_url_is_an_invalid_setting_and_is_not_repeated(url: str) -> None:
    with pytest.raises(SettingsInvalid, match="SMTP_URL") as caught:
        parse_smtp_url(url)
    assert "S3c" not in str(caught.value)
    assert "user:" not in str(caught.value)


def test_the_password_is_not_in_the_repr() -> None:
    assert "S3cret" not in repr(parse_smtp_url("smtp://user:S3cret@mail"))
