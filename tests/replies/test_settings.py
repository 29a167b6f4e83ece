"""The settings of replies, and their README."""

import re

import pytest

from deployments.http.backlog import FETCH_EVERY_SECONDS
from deployments.http.webhooks.replies import MAX_EMAIL_BYTES
from nodes.clients.mail.reply_inbox import KEYWORD, LOOK_BACK
from nodes.clients.reply_webhooks.mailgun import TOLERANCE_SECONDS
from nodes.errors import SettingsInvalid
from nodes.settings import ReplySettings, load
from nodes.settings.replies import PROVIDERS
from tests.test_architecture import ROOT

README = " ".join((ROOT / "deployments" / "http" / "webhooks" / "README.md").read_text(encoding="utf-8").split())


def given(monkeypatch: pytest.MonkeyPatch, **environment: str) -> ReplySettings:
    for name in ReplySettings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return load(ReplySettings)


def test_replies_come_in_where_a_mailbox_or_a_provider_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not given(monkeypatch).receives_replies
    assert given(monkeypatch, REPLY_IMAP_URL="imaps://u:p@mail.example.com").receives_replies
    assert given(monkeypatch, REPLY_WEBHOOKS="ses=arn:aws:sns:eu-west-1:123456789012:replies").receives_replies


def test_a_provider_may_have_several_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    found = given(monkeypatch, REPLY_WEBHOOKS="mailgun=new, postmark=user:pass=word,mailgun=old").reply_webhooks
    assert {name: [each.get_secret_value() for each in secrets] for name, secrets in found.items()} == {
        "mailgun": ["new", "old"],
        "postmark": ["user:pass=word"],
    }
    assert "new" not in repr(found)


@pytest.mark.parametrize("wrong", ["hunter2", "mailgun", "mailgun=", "sendgrid=hunter2", "mailgun:hunter2"])
def test_wrong_webhooks_are_refused_without_their_secret(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsInvalid, match="REPLY_WEBHOOKS must read PROVIDER=SECRET") as caught:
        given(monkeypatch, REPLY_WEBHOOKS=wrong)
    assert "hunter2" not in str(caught.value)


def test_every_setting_and_provider_is_documented() -> None:
    assert [name for name in ReplySettings.model_fields if f"| `{name.upper()}` |" not in README] == []
    assert [name for name in PROVIDERS if f"/webhooks/replies/{name}" not in README] == []


def test_the_limits_are_documented() -> None:
    assert f"larger than {MAX_EMAIL_BYTES // 1024**2} MiB" in README
    assert f"more than {TOLERANCE_SECONDS // 60} minutes old" in README
    assert f"for emails of the last {LOOK_BACK.days} days" in README
    assert f"keyword `{KEYWORD}`" in README
    assert (FETCH_EVERY_SECONDS, "twice a minute" in README) == (30, True)
    [least] = re.findall(r"`REPLY_MIN_CONFIDENCE` \| from 0 to 1, default ([\d.]+):", README)
    assert float(least) == ReplySettings.model_fields["reply_min_confidence"].default
