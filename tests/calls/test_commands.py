"""`cancelflow calls` lists and shows; a call that has failed needs attention and can be resumed (FEATURES A20)."""

import uuid
from pathlib import Path

import pytest

from deployments.doctor.finding import Level
from tests.calls.company import FIELDS, Company
from tests.consents.company import without_wordings
from tests.doctor.conftest import found
from tests.hook_receiver import SECRET
from tests.test_command_line import Done, cancelflow, refused
from tests.waiting import eventually
from tests.world import World

pytestmark = pytest.mark.slow

SAID = "The price [is] too high."


def command(company: Company, folder: Path, *arguments: str) -> Done:
    database = company.world.addresses["database_admin_url"]
    return cancelflow(*arguments, cwd=folder, DATABASE_URL=database, DATABASE_ADMIN_URL=database)


def test_calls_are_listed_with_what_became_of_them_but_not_what_was_said(company: Company, tmp_path: Path) -> None:
    nobody, waiting, called, heard = company.customer(), company.leaver(), company.called(), company.called()
    company.cancels(nobody)
    company.routed(heard, warmth="hot", reasonClass="PRICING", summary=SAID, requests=["did_not_cancel"])
    unknown = uuid.uuid4().hex
    company.report(callId=unknown, status="busy", summary=SAID)

    lines = command(company, tmp_path, "calls").out.splitlines()

    def of(text: str) -> str:
        [line] = [each for each in lines if text in each]
        return line

    assert of(nobody.user_id).endswith("not_placed  no_consent")
    assert "waiting     to be placed, next at 20" in of(waiting.user_id)
    assert "placed      since 20" in of(called.user_id)
    assert of(heard.user_id).endswith("placed      completed hot PRICING disputed")
    assert of(unknown).startswith(f"unknown call {unknown}")
    assert SAID not in "".join(lines)


def test_a_call_is_shown_with_what_was_said(company: Company, tmp_path: Path) -> None:
    person = company.called()
    company.routed(person, summary=SAID, actionItems=["Send the prices."], requests=["human"], transcript="Hello.")
    shown = command(company, tmp_path, "calls", "show", str(company.id_of(person))).out
    assert f"user        {person.user_id}\n" in shown
    assert "heard       human\nunconfirmed no_consent\npromised    Send the prices.\n" in shown
    assert shown.endswith(f"\n{SAID}\n\nHello.\n")


def test_an_unknown_id_is_refused(company: Company, tmp_path: Path) -> None:
    assert "there is no call" in refused(command(company, tmp_path, "calls", "show", str(uuid.uuid4())), 1)


def test_a_call_that_failed_needs_attention_until_it_is_resumed(company: Company, tmp_path: Path) -> None:
    person = company.leaver()
    call_id = str(company.id_of(person))
    company.vendor.status = 500
    assert company.calls(person, call_attempts=1)["state"] == "failed"
    company.vendor.status = 204
    stuck = command(company, tmp_path, "requests", "--stuck").out
    assert f"the webhook's receiver responded 500; once that is fixed: cancelflow resume {call_id}" in stuck

    assert command(company, tmp_path, "resume", call_id).code == 0

    eventually(lambda: company.call(person)["state"] == "placed")
    assert call_id not in command(company, tmp_path, "requests", "--stuck").out
    assert len(company.heard(person)) == 1


CALLS_ON = {
    "CALL_WEBHOOK_URL": "https://vendor.example.com/calls",
    "CALL_WEBHOOK_SECRET": SECRET,
    "CALL_RESULT_SECRETS": SECRET,
    "CALL_SCRIPT_FIELDS": FIELDS,
}


@pytest.mark.parametrize(
    ("changed", "check", "level", "says"),
    [
        ({}, "script", Level.OK, "it may be used"),
        ({}, "consent", Level.OK, "the newest wording for phone is version 2"),
        ({}, "results", Level.OK, "signed results are accepted"),
        ({"CALL_SCRIPT_FIELDS": "agentName=Robin"}, "script", Level.FAILED, "'companyName' has no value"),
        ({"CALL_RESULT_SECRETS": None}, "results", Level.WARNING, "none is accepted"),
        ({"CALL_WEBHOOK_URL": None}, "calls", Level.OK, "nobody is called"),
    ],
)
def test_doctor_finds_what_keeps_calls_from_being_placed(
    company: Company, changed: dict[str, str | None], check: str, level: Level, says: str
) -> None:
    database = company.world.addresses["database_admin_url"]
    own = {"DATABASE_URL": database, "DATABASE_ADMIN_URL": database}
    finding = found("Calls", **{**CALLS_ON, **own, **changed})[check]
    assert (finding.level, says in finding.found) == (level, True), finding


def test_doctor_finds_that_nobody_could_consent(world: World) -> None:
    with without_wordings(world) as own:
        assert found("Calls", **CALLS_ON, **own)["consent"].level is Level.WARNING


def test_the_call_is_shown_with_the_session_that_led_to_it(company: Company, tmp_path: Path) -> None:
    person = company.called()
    session = company.world.row(
        """INSERT INTO cancel_sessions (user_id, browser, livemode, options, blueprint_version, blueprint,
            cancellation_id)
        SELECT user_id, '', false, '{}', 0, 'default', request_id FROM calls WHERE user_id = %s RETURNING id""",
        person.user_id,
    )
    company.routed(person, warmth="cold", summary=SAID)
    shown = " ".join(command(company, tmp_path, "session", str(session["id"])).out.split())  # the table wraps
    assert '"state": "placed"' in shown
    assert '"warmth": "cold"' in shown
    assert SAID not in shown
