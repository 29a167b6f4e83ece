"""A reply is stored once, whoever sends it and however often it arrives; STOP is heeded (FEATURES N04, N07)."""

import logging
from collections.abc import Iterable
from email.utils import parseaddr
from uuid import UUID

import pytest

from flows.anonymize_feedback import anonymize_feedback
from flows.delete_expired_data import delete_expired_data
from nodes.clients.mail.reply_addresses import ReplyAddresses
from nodes.rules.consents import CHANNELS
from nodes.settings import LinkSettings, load
from tests.deletion.former_customers import former_customer, given_days_ago, swept
from tests.replies.customers import arrives, left, replies, reply, reply_address
from tests.tasks.made import task_of, tasks_of
from tests.world import Person, World

pytestmark = pytest.mark.slow

REPLY_TO = "Support <support@localhost>"  # of the embedded stack
COPIES = 5


def request_id(world: World, person: Person) -> UUID:
    found: UUID = world.row("SELECT id FROM cancellation_requests WHERE user_id = %s", person.user_id)["id"]
    return found


def test_the_confirmation_has_a_reply_address_of_its_own(world: World) -> None:
    person = left(world)
    [confirmation] = world.emails(person)
    name, address = parseaddr(confirmation["reply_to"])
    ours = ReplyAddresses(REPLY_TO, [load(LinkSettings).link_secret])
    assert (name, ours.request_id([address])) == ("Support", request_id(world, person))
    headers = {header["name"]: header["value"] for header in confirmation["headers"]}
    assert headers["Auto-Submitted"] == "auto-generated"


def test_an_email_that_is_no_question_has_the_common_address(world: World) -> None:
    person = left(world)
    body = {"user_id": person.user_id}
    assert world.http.post("/reactivate-subscription", json=body, headers=person.headers).status_code == 200
    [reactivated] = [each for each in world.emails(person) if "cancel" not in each["subject"].lower()]
    assert reactivated["reply_to"] == REPLY_TO


def test_a_reply_is_stored_with_its_new_text_alone(world: World) -> None:
    person = left(world)
    assert arrives(reply(reply_address(world, person), "Too expensive for us.")) == [True]
    [stored] = replies(world, person)
    assert (stored["kind"], stored["text"]) == ("reply", "Too expensive for us.")
    assert stored["request_id"] == request_id(world, person)


def test_an_email_that_arrives_again_changes_nothing(world: World) -> None:
    person = left(world)
    raw = reply(reply_address(world, person))
    assert sorted(arrives(*[raw] * COPIES)) == [False] * (COPIES - 1) + [True]
    # By another way: a server adds headers, and the Message-ID stays.
    assert arrives(b"Received: by mx.example.com\r\n" + raw) == [False]
    assert len(replies(world, person)) == 1
    assert arrives(reply(reply_address(world, person), "And slow.")) == [True]
    assert len(replies(world, person)) == 2


def test_an_email_without_a_message_id_is_stored_once(world: World) -> None:
    person = left(world)
    raw = reply(reply_address(world, person)).replace(b"Message-ID:", b"X-Was:")
    assert sorted(arrives(raw, raw)) == [False, True]
    assert len(replies(world, person)) == 1


def test_an_email_to_an_address_that_we_did_not_make_is_kept_nowhere(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    person = left(world)
    address = reply_address(world, person)
    local, _, domain = address.partition("@")
    # Another request's id under this one's signature, and another signature under this one's id.
    forged = [f"{local[:9]}{'b' if local[9] != 'b' else 'c'}{local[10:]}@{domain}", f"{local[:-6]}aaaaaa@{domain}"]
    with caplog.at_level(logging.INFO):
        found = arrives(*(reply(each, "marker-of-forgery") for each in [*forged, "support@localhost", "jo@localhost"]))
    assert found == [False] * 4
    assert replies(world, person) == []
    assert caplog.text.count("1 email was not kept") == 4
    assert [text for text in ("marker-of-forgery", "jo@", "support+") if text in caplog.text] == []


def test_a_reply_after_the_deletion_is_kept_nowhere(world: World) -> None:
    person, _ = former_customer(world, days_ago=91)
    raw = reply(reply_address(world, person))
    assert arrives(raw) == [True]
    assert swept(delete_expired_data, dry_run=False).is_completed()
    assert arrives(raw, reply(reply_address(world, person))) == [False, False]
    assert replies(world, person) == []


def test_a_reply_about_a_cancellation_that_never_was_is_kept_nowhere(world: World) -> None:
    never = ReplyAddresses(REPLY_TO, [load(LinkSettings).link_secret]).address(UUID(int=0))
    assert arrives(reply(never)) == [False]


AUTOMATIC = {
    "auto_reply": {"Subject": "Automatic reply: Cancellation", "Auto_Submitted": "auto-replied"},
    "bounce": {"From": "MAILER-DAEMON@mx.example.com", "Subject": "Undelivered Mail Returned to Sender"},
}


@pytest.mark.parametrize("kind", AUTOMATIC)
def test_what_no_person_wrote_is_no_answer(world: World, kind: str) -> None:
    person = left(world)
    arrives(reply(reply_address(world, person), "I am away and it is too expensive.", **AUTOMATIC[kind]))
    [stored] = replies(world, person)
    assert (stored["kind"], stored["text"], stored["categorize_at"]) == (kind, None, None)


def test_a_reply_without_a_new_text_is_a_task_for_a_person(world: World) -> None:
    person = left(world)
    raw = reply(reply_address(world, person), "")
    assert sorted(arrives(raw, raw)) == [False, True]
    [stored] = replies(world, person)
    assert (stored["kind"], stored["text"], stored["categorize_at"]) == ("unreadable", None, None)
    task = task_of(world, person)
    assert (task["kind"], task["key"], task["said"]) == ("uncertain_reply", str(stored["id"]), None)
    assert (task["request_id"], task["done_at"]) == (stored["request_id"], None)


def test_the_task_of_an_unreadable_reply_goes_with_the_reason(world: World) -> None:
    person = left(world)
    arrives(reply(reply_address(world, person), ""))
    given_days_ago(world, person, 91)
    assert swept(anonymize_feedback).is_completed()
    assert (replies(world, person), task_of(world, person)["done_by"]) == ([], "retention")


def test_a_text_that_no_database_stores_is_stored_without_it(world: World) -> None:
    person = left(world)
    to = reply_address(world, person).encode()
    raw = b"From: a@b.c\r\nTo: " + to + b"\r\nContent-Type: text/plain; charset=%s\r\n\r\nToo\x00 dear \\ud800 \xff"
    assert arrives(*(raw % charset for charset in (b"utf-8", b"unicode_escape", b"utf-7", b"punycode"))) == [True] * 4
    assert {row["text"] for row in replies(world, person)} == {"Too dear \\ud800 ÿ"}


def ledger(world: World, person: Person) -> list[tuple[str, bool, str]]:
    rows = world.rows("SELECT channel, accepted, source FROM consents WHERE user_id = %s ORDER BY id", person.user_id)
    return [(row["channel"], row["accepted"], row["source"]) for row in rows]


@pytest.mark.parametrize(
    ("text", "channels"),
    [
        ("STOP", CHANNELS),
        ("Please don't call me again.", ["phone"]),
        ("Unsubscribe me, please!", ["email_marketing"]),
        ("ne m'écrivez plus", ["email_marketing"]),
    ],
)
def test_stop_revokes_the_consent_immediately_and_once(world: World, text: str, channels: Iterable[str]) -> None:
    person = left(world)
    address, date = reply_address(world, person), "Thu, 26 Nov 2026 12:00:00 +0100"
    raw = reply(address, text, Date=date)
    arrives(raw, raw, reply(address, text, Date=date))
    assert ledger(world, person) == [(channel, False, "reply") for channel in channels]
    assert [(row["kind"], row["text"]) for row in replies(world, person)] == [("stop", None)] * 2
    evidence = world.rows("SELECT evidence FROM consents WHERE user_id = %s", person.user_id)[0]["evidence"]
    assert evidence["request_id"] == str(request_id(world, person))
    assert evidence["said_at"] == "2026-11-26T11:00:00Z"


@pytest.mark.parametrize(
    ("text", "revoked"),
    [
        ("STOP\n\nJane Doe\nHead of IT", list(CHANNELS)),
        ("Unsubscribe please\nJo", ["email_marketing"]),
        ("Stop calling me.\n\nIt is too expensive.", ["phone"]),
        ("Stop\nraising prices", []),
    ],
)
def test_stop_above_a_few_lines_counts_and_they_are_kept(world: World, text: str, revoked: list[str]) -> None:
    person = left(world)
    arrives(reply(reply_address(world, person), text))
    assert [channel for channel, *_ in ledger(world, person)] == revoked
    assert [(row["kind"], row["text"]) for row in replies(world, person)] == [("reply", text)]


def test_stop_in_the_subject_of_an_empty_email_counts(world: World) -> None:
    person = left(world)
    address = reply_address(world, person)
    arrives(reply(address, "It did crash.", Subject="Don't call me"))
    assert ledger(world, person) == []
    arrives(reply(address, "", Subject="Don't call me"))
    assert ledger(world, person) == [("phone", False, "reply")]
    assert sorted(row["kind"] for row in replies(world, person)) == ["reply", "stop"]


def test_an_auto_reply_about_stop_revokes_nothing(world: World) -> None:
    person = left(world)
    arrives(reply(reply_address(world, person), "", Subject="STOP", Auto_Submitted="auto-replied"))
    assert (ledger(world, person), tasks_of(world, person.user_id)) == ([], [])


def test_a_sentence_with_stop_in_it_revokes_nothing(world: World) -> None:
    person = left(world)
    arrives(reply(reply_address(world, person), "It did not stop crashing."))
    assert ledger(world, person) == []
