"""Each customer is written to once about a fix, whatever fails and however often it is shipped."""

import os
import signal
import subprocess
import sys

import pytest

from tests.faults.wires import wired
from tests.faults.wires_line import When
from tests.waiting import AT_MOST_SECONDS, concurrently
from tests.win_back.leavers import NOTES, Fix
from tests.world import Person

# The Stripe SDK triggers this httpx deprecation warning.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload raw bytes:DeprecationWarning")

RUN = """
import asyncio, sys
from flows.win_back import win_back
from nodes.node import without_prefect
with without_prefect():
    asyncio.run(win_back.fn(tag=sys.argv[1], dry_run=False))
"""


def written_once(fix: Fix, *people: Person) -> bool:
    ids = "SELECT id, outcome FROM win_backs WHERE tag = %s AND user_id = %s"
    for person in people:
        row = fix.company.world.row(ids, fix.tag, person.user_id)
        [email] = fix.emails(person)
        assert (row["outcome"], email["message_id"]) == ("written", f"<{row['id']}@cancelflow>")
    return True


def test_a_fix_that_is_shipped_again_reaches_only_those_tagged_since(fix: Fix) -> None:
    first = fix.leaver()
    assert fix.ship() == "wrote to 1 customers; not to 0"
    assert fix.ship() == "wrote to 0 customers; not to 0"
    second = fix.leaver()
    assert fix.run() == "wrote to 0 customers; not to 0"  # tagging alone sends nothing
    assert fix.ship() == "wrote to 1 customers; not to 0"
    assert written_once(fix, first, second)


def test_two_runs_at_the_same_time_write_once(fix: Fix) -> None:
    people = [fix.leaver() for _ in range(4)]
    concurrently(*[fix.ship] * 2)
    for person in people:
        assert len([each for each in fix.company.world.emails(person) if NOTES["en"] in each["text"]]) == 1
    assert written_once(fix, *people)


def test_a_customer_with_two_tagged_cancellations_is_written_to_once(fix: Fix) -> None:
    person = fix.leaver()
    fix.company.world.admin.execute(
        "WITH other AS (INSERT INTO cancellation_requests (user_id, asked_user_id, accept_offer, resume_at)"
        " VALUES (%(user)s, %(user)s, false, NULL) RETURNING id, user_id)"
        " INSERT INTO feedback_tags (request_id, user_id, tag, tagged_by)"
        " SELECT id, user_id, %(tag)s, 'operator' FROM other",
        {"user": person.user_id, "tag": fix.tag},
    )
    assert fix.ship() == "wrote to 1 customers; not to 0"
    assert written_once(fix, person)


def test_an_email_that_could_not_be_sent_is_sent_by_the_next_run(fix: Fix, monkeypatch: pytest.MonkeyPatch) -> None:
    person = fix.leaver()
    with monkeypatch.context() as away:
        away.setenv("SMTP_URL", "smtp://127.0.0.1:9")
        fix.ship()
        assert fix.run() == "wrote to 0 customers; not to 0; 1 left for the next run"
    assert fix.emails(person) == []

    assert fix.run() == "wrote to 1 customers; not to 0"

    assert written_once(fix, person)


@pytest.mark.slow
@pytest.mark.parametrize("when", When)
def test_a_killed_run_writes_to_nobody_twice_and_the_next_continues(fix: Fix, when: When) -> None:
    people = [fix.leaver() for _ in range(3)]
    shipped = "INSERT INTO fixes (tag, notes) VALUES (%s, json_build_object('en', %s::text))"
    fix.company.world.admin.execute(shipped, [fix.tag, NOTES["en"]])
    fix.company.world.admin.execute(
        "INSERT INTO win_backs (tag, user_id, request_id) SELECT tag, user_id, request_id FROM feedback_tags"
        " WHERE tag = %s",
        [fix.tag],
    )
    with wired("smtp", "postgresql") as wires:
        stop = wires.freeze_at("email", when)
        environment = os.environ | wires.settings()
        with subprocess.Popen([sys.executable, "-c", RUN, fix.tag], env=environment) as killed:
            try:
                assert stop.reached.wait(AT_MOST_SECONDS)
            finally:
                killed.send_signal(signal.SIGKILL)
    lapse = "UPDATE win_backs SET claimed_until = now() WHERE tag = %s AND outcome IS NULL"
    fix.company.world.admin.execute(lapse, [fix.tag])

    assert fix.run() is not None

    assert written_once(fix, *people)
    assert fix.run() == "wrote to 0 customers; not to 0"
