"""`cancelflow consents`: publish, list, export and revoke."""

import json
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from deployments.doctor.finding import Level
from tests.consents.company import LEAST, WORDINGS, Company
from tests.doctor.conftest import found
from tests.test_command_line import Done, cancelflow, refused
from tests.world import World

pytestmark = pytest.mark.slow

CHANGED = WORDINGS.replace("You may call me.", "You may call me at any time.")
THIRD = "- {channel: phone, version: 3, text: Another text.}\n"


def consents(company: Company, folder: Path, *arguments: str, **settings: str) -> Done:
    database = company.world.addresses["database_admin_url"]
    own = {"DATABASE_URL": database, "DATABASE_ADMIN_URL": database, "CONSENT_MIN_VERSION": f"phone={LEAST['phone']}"}
    return cancelflow("consents", *arguments, cwd=folder, **{**own, **settings})


def publish(company: Company, folder: Path, wordings: str) -> Done:
    (folder / "consents.yaml").write_text(wordings, encoding="utf-8")
    return consents(company, folder, "publish", "consents.yaml")


def texts(company: Company) -> list[str]:
    return [each["text"] for each in company.world.rows("SELECT text FROM consent_wordings ORDER BY text")]


def test_what_was_published_is_published_once(company: Company, tmp_path: Path) -> None:
    before = texts(company)
    assert publish(company, tmp_path, WORDINGS) == Done(0, "nothing new\n", "")
    assert texts(company) == before


@pytest.mark.parametrize(
    ("wordings", "says"),
    [
        (CHANGED, "published with another text: phone 1. Give the new text a new version"),
        (WORDINGS.replace("    de:", "    fr:"), "published with another text: phone 2"),
        (WORDINGS + THIRD + THIRD, ":11: phone has version 3 twice"),
        (WORDINGS.replace("version: 2", "version: 0"), ":4: wordings.1.version: 0 is less than the minimum of 1"),
        (WORDINGS.replace("channel: phone", "channel: fax"), "'fax' is not one of"),
        (WORDINGS + "- {channel: sms, version: 1, text: ' '}\n", "wordings.4.text"),
        (WORDINGS + "- {channel: sms, version: 1}\n", "'text' is a required property"),
        ("", "the file: "),
        ("wordings: [", "this is not YAML"),
    ],
)
def test_a_file_that_is_wrong_or_changes_the_past_is_refused(
    company: Company, tmp_path: Path, wordings: str, says: str
) -> None:
    before = texts(company)
    assert says in refused(publish(company, tmp_path, wordings), 2)
    assert texts(company) == before


def test_a_file_that_is_missing_is_refused(company: Company, tmp_path: Path) -> None:
    assert consents(company, tmp_path, "publish", "nothing.yaml").code == 2


def test_the_wordings_are_shown_with_those_that_count(company: Company, tmp_path: Path) -> None:
    done = consents(company, tmp_path, "wordings")
    shown = [line.split()[:4] for line in done.out.splitlines()]
    assert ["phone", "1", "all", "no"] in shown
    assert ["phone", "2", "de", "yes"] in shown


def test_a_customers_consents_are_listed(company: Company, tmp_path: Path) -> None:
    user = company.customer()
    company.accepts(user, "phone", 1)
    company.accepts(user, "email_marketing", 1)

    done = consents(company, tmp_path, "list", user)

    assert done.code == 0
    *_, phone, sms, email = done.out.splitlines()
    assert phone == "phone: no consent: version 1 is older than 2 (CONSENT_MIN_VERSION)"
    assert sms == "sms: no consent"
    assert email == "email_marketing: consent to version 1"
    assert [line.split()[3:7] for line in done.out.splitlines()[1:3]] == [
        ["phone", "accepted", "version", "1"],
        ["email_marketing", "accepted", "version", "1"],
    ]


def test_a_customers_consents_are_exported_with_their_wordings(company: Company, tmp_path: Path) -> None:
    user = company.customer()
    company.accepts(user)
    assert company.post(user, channel="phone", accepted=False, evidence={"call": "c-1"}).status_code == 200

    exported = json.loads(consents(company, tmp_path, "export", user).out)

    accepted, revoked = exported["consents"]
    assert exported["user_id"] == user
    assert accepted["wording"]["text"] == "You may call me once after I cancel. An AI may make the call."
    assert (accepted["accepted"], accepted["source"], accepted["wording"]["version"]) == (True, "form", 2)
    assert (revoked["accepted"], revoked["wording"], revoked["evidence"]) == (False, None, {"call": "c-1"})
    assert json.loads(consents(company, tmp_path, "export", "nobody").out) == {"user_id": "nobody", "consents": []}


def test_an_operator_revokes_once(company: Company, tmp_path: Path) -> None:
    user = company.customer()
    company.accepts(user)

    done = consents(company, tmp_path, "revoke", user, "phone", "--note", "by letter")

    assert done.out.startswith("phone is revoked since ")
    assert company.current(user) == {"phone": False}
    [_, revoked] = company.ledger(user)
    assert (revoked["source"], revoked["evidence"]) == ("operator", {"note": "by letter"})
    assert "AlreadyRevoked: phone was revoked at " in refused(consents(company, tmp_path, "revoke", user, "phone"), 1)
    assert len(company.ledger(user)) == 2


@pytest.mark.parametrize("arguments", [("x" * 256, "phone"), ("user", "fax"), ("user", "phone", "--note", "x" * 501)])
def test_an_invalid_revocation_is_refused(company: Company, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    assert refused(consents(company, tmp_path, "revoke", *arguments), 2)


@pytest.mark.parametrize("command", ["publish consents.yaml", "list USER", "export USER", "revoke USER phone"])
def test_only_the_owner_publishes_and_sees_every_customers_consents(
    company: Company, world: World, tmp_path: Path, command: str
) -> None:
    user = company.customer()
    company.accepts(user)
    (tmp_path / "consents.yaml").write_text(WORDINGS + THIRD, encoding="utf-8")
    database = urlsplit(company.world.addresses["database_url"]).path
    application = urlsplit(world.addresses["database_url"])._replace(path=database).geturl()
    as_application = {"DATABASE_URL": application, "DATABASE_ADMIN_URL": application}
    done = consents(company, tmp_path, *command.replace("USER", user).split(), **as_application)
    assert "only the owner of the tables may do this: set DATABASE_ADMIN_URL" in refused(done, 1)
    assert company.current(user) == {"phone": True}


@pytest.mark.parametrize(
    ("least", "level", "says"),
    [
        ("phone=2", Level.OK, "email_marketing version 2, phone version 2"),
        ("phone=3", Level.FAILED, "phone: CONSENT_MIN_VERSION is 3, but the newest version is 2"),
        ("sms=1", Level.FAILED, "sms: CONSENT_MIN_VERSION is 1, but the newest version is none"),
    ],
)
def test_doctor_finds_a_channel_that_nobody_could_consent_to(
    company: Company, least: str, level: Level, says: str
) -> None:
    database = company.world.addresses["database_admin_url"]
    own = {"DATABASE_URL": database, "DATABASE_ADMIN_URL": database, "CONSENT_MIN_VERSION": least}
    finding = found("Consents", **own)["wordings"]
    assert (finding.level, finding.found) == (level, says)
