"""`cancelflow fix`: ship and list, and what it refuses."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_command_line import Done, cancelflow, refused
from tests.win_back.leavers import NOTES, Fix

# The Stripe SDK triggers this httpx deprecation warning.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload raw bytes:DeprecationWarning"),
]


SHIP = [sys.executable, "-m", "deployments.command_line", "fix", "ship"]


def ship(fix: Fix, *arguments: str, **settings: str) -> Done:
    """Run the command in a process of its own, as its flow runs with Prefect."""
    environment = {**os.environ, "COLUMNS": "250", **settings}
    done = subprocess.run(
        [*SHIP, fix.tag, *arguments], capture_output=True, text=True, timeout=120, env=environment, check=False
    )
    return Done(done.returncode, done.stdout, done.stderr)


def says(fix: Fix, folder: Path, code: int, *arguments: str, **settings: str | None) -> str:
    """Return what the command says that refuses to ship."""
    return refused(cancelflow("fix", "ship", fix.tag, *arguments, cwd=folder, **settings), code)


def stored(fix: Fix) -> bool:
    return bool(fix.company.world.rows("SELECT FROM fixes WHERE tag = %s", fix.tag))


def test_a_fix_is_previewed_shipped_and_listed(fix: Fix, tmp_path: Path) -> None:
    person, silent = fix.leaver(), fix.leaver(consent=None)

    shown = ship(fix, "--dry-run")
    assert (shown.code, "would write to 1 customers; not to 1" in shown.out) == (0, True), shown
    assert not stored(fix)

    done = ship(fix, "--note", NOTES["en"], "--note", "de=Jetzt mit SSO.")
    assert (done.code, "wrote to 1 customers; not to 1" in done.out) == (0, True), done
    assert [fix.outcome(each) for each in (person, silent)] == ["written", "no_consent"]
    assert len(fix.emails(person)) == 1

    again = ship(fix)
    assert (again.code, "wrote to 0 customers; not to 0" in again.out) == (0, True), again

    lines = cancelflow("fix", "list", cwd=tmp_path).out.splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith(f"{fix.tag}  shipped 20"))
    counted = [" ".join(line.split()) for line in lines[first + 1 : first + 3]]
    back = "1 came back within 90 days 0 90 days are over for 0"
    assert counted == [f"written {back}", f"no consent {back}"]


def test_nothing_personal_is_printed(fix: Fix) -> None:
    person = fix.leaver()
    done = ship(fix, "--note", NOTES["en"])
    for personal in (person.email, "Robin"):
        assert personal not in done.out + done.err


def test_customers_who_could_not_be_written_to_are_left_for_the_next_run(fix: Fix, tmp_path: Path) -> None:
    person = fix.leaver()
    done = ship(fix, "--note", NOTES["en"], SMTP_URL="smtp://127.0.0.1:9")
    assert (done.code, "mail-failed" in done.out) == (1, True), done
    waiting = cancelflow("fix", "list", cwd=tmp_path).out.partition(f"{fix.tag}  shipped")[2].splitlines()[1]
    assert waiting.split() == ["waiting", "1"]
    assert ship(fix).code == 0
    assert len(fix.emails(person)) == 1


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--note", "it=Fatto."], "it: emails are in de, en, es, fr"),
        (["--note", " "], "a note has 1 to 1000 characters"),
        (["--note", "x" * 1001], "a note has 1 to 1000 characters"),
        (["--note", "x", "--at-most", "0"], "at-most"),
    ],
)
def test_an_invalid_note_is_refused(fix: Fix, tmp_path: Path, arguments: list[str], text: str) -> None:
    assert text in says(fix, tmp_path, 2, *arguments)
    assert not stored(fix)


def test_a_fix_that_nobody_is_tagged_with_is_refused(fix: Fix, tmp_path: Path) -> None:
    for arguments in (("--note", "x"), ("--dry-run",)):
        assert f"NobodyTagged: nobody is tagged {fix.tag}" in says(fix, tmp_path, 1, *arguments)
    assert not stored(fix)


def test_a_fix_without_a_note_is_refused(fix: Fix, tmp_path: Path) -> None:
    fix.leaver()
    assert f"NoteMissing: {fix.tag} was not shipped yet" in says(fix, tmp_path, 1)


def test_another_note_for_the_same_fix_is_refused(fix: Fix, tmp_path: Path) -> None:
    person = fix.leaver()
    fix.ship()
    assert f"ShippedOtherwise: {fix.tag} was shipped" in says(fix, tmp_path, 1, "--note", "Something else.")
    assert len(fix.emails(person)) == 1


def test_without_a_page_to_subscribe_again_nothing_is_shipped(fix: Fix, tmp_path: Path) -> None:
    person = fix.leaver()
    said = says(fix, tmp_path, 2, "--note", NOTES["en"], NEW_SUBSCRIPTION_URL=None)
    assert "NEW_SUBSCRIPTION_URL is not set" in said
    assert not stored(fix)
    assert fix.emails(person) == []
