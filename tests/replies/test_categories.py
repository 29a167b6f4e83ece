"""A reply's category: the reason that it fills in, a person's correction, and what is left later (FEATURES N07)."""

import math
import uuid
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from deployments.operations.replies import NotAnAnswer, ReplyUnknown, correct, listed, reply_of
from flows.anonymize_feedback import anonymize_feedback
from flows.prune_history import prune_history
from nodes.clients.categories.endpoint import ModelEndpoint
from nodes.clients.categories.local import category_of
from nodes.errors import CategoryFailed
from nodes.replies.step_01_categorize_reply import categorize_reply
from nodes.services import services, using
from nodes.settings import DatabaseSettings, ReplyListSettings, ReplySettings, load
from tests.deletion.everywhere import places_that_hold
from tests.deletion.former_customers import given_days_ago, swept
from tests.ports import free_port
from tests.replies.customers import (
    arrives,
    categorized,
    here,
    left,
    reason,
    replies,
    reply,
    reply_address,
    waiting_reply,
)
from tests.replies.model import serving
from tests.tasks.made import task_of, tasks_of
from tests.test_command_line import cancelflow, refused
from tests.world import Person, World

# The Stripe SDK triggers this httpx deprecation warning.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload raw bytes:DeprecationWarning"),
]

CERTAIN = {"unused": "I hardly use it any more.", "low_quality": "It kept crashing and losing my work."}
UNCERTAIN = "hmm"


def old(world: World, person: Person) -> None:
    """Make the customer's replies old, as only the oldest are listed."""
    aged = "UPDATE replies SET received_at = now() - interval '80 days' WHERE user_id = %s"
    world.admin.execute(aged, [person.user_id])


def says(world: World, person: Person, text: str) -> UUID:
    """Let a reply arrive and be categorized, and return its id."""
    before = {row["id"] for row in replies(world, person)}
    assert arrives(reply(reply_address(world, person), text)) == [True]
    [new] = [row["id"] for row in categorized(world, person) if row["id"] not in before]
    found: UUID = new
    return found


def test_a_certain_reply_is_the_reason_of_a_cancellation_without_one_and_only_the_first(world: World) -> None:
    person = left(world)
    says(world, person, CERTAIN["unused"])
    [stored] = replies(world, person)
    assert (stored["category"], stored["categorized_by"], stored["filled_in"]) == ("unused", "local", "unused")
    assert stored["confidence"] > 0.9
    assert (reason(world, person)["category"], reason(world, person)["feedback"]) == ("unused", None)
    assert reason(world, person)["answered_at"] is not None

    says(world, person, CERTAIN["low_quality"])
    assert reason(world, person)["category"] == "unused"
    assert [row["filled_in"] for row in replies(world, person)] == ["unused", None]


def test_what_the_customer_chose_is_never_overwritten(world: World) -> None:
    person = left(world, reason="switched_service", feedback="to another tool")
    reply_id = says(world, person, CERTAIN["unused"])
    correct(load(ReplyListSettings), reply_id, "unused", "Robin")
    row = reason(world, person)
    assert (row["category"], row["feedback"], row["answered_at"]) == ("switched_service", "to another tool", None)


def test_an_answer_on_the_feedback_page_is_never_overwritten(world: World) -> None:
    person = left(world)
    [confirmation] = world.emails(person)
    token = confirmation["text"].partition("/feedback?token=")[2].split()[0]
    assert world.http.post("/feedback", data={"token": token, "feedback": "It is complicated."}).status_code == 200
    says(world, person, CERTAIN["unused"])
    assert reason(world, person)["category"] == "prefer_not_to_say"


def test_an_uncertain_reply_waits_for_a_person_who_always_wins(world: World) -> None:
    person = left(world)
    reply_id = says(world, person, UNCERTAIN)
    assert reason(world, person)["category"] == "prefer_not_to_say"
    old(world, person)
    settings = load(ReplyListSettings)
    assert [line for line in listed(settings, every=False) if str(reply_id) in line]

    task = task_of(world, person)
    assert (task["kind"], task["key"], task["done_at"]) == ("uncertain_reply", str(reply_id), None)
    assert (task["request_id"], task["said"]) == (replies(world, person)[0]["request_id"], None)

    correct(settings, reply_id, "too_complex", "Robin")

    assert [line for line in listed(settings, every=False) if str(reply_id) in line] == []
    done = task_of(world, person)
    assert done["done_by"] == "Robin"
    assert reason(world, person)["category"] == "too_complex"
    correct(settings, reply_id, "low_quality", "Sasha")
    assert reason(world, person)["category"] == "low_quality"
    found = reply_of(load(DatabaseSettings), reply_id)
    assert (found.corrected_category, found.corrected_by, found.filled_in) == ("low_quality", "Sasha", "low_quality")
    assert found.category == "other"  # the model's is kept beside it
    assert task_of(world, person)["done_at"] == done["done_at"]


def test_a_correction_before_the_model_has_read_it_wins_too(world: World) -> None:
    person = left(world)
    arrives(reply(reply_address(world, person), CERTAIN["unused"]))
    later = "UPDATE replies SET categorize_at = now() + interval '1 day' WHERE user_id = %s"
    world.admin.execute(later, [person.user_id])
    [stored] = replies(world, person)
    correct(load(ReplyListSettings), stored["id"], "customer_service", "Robin")
    world.admin.execute(
        "UPDATE replies SET categorize_at = now(), category = NULL, confidence = NULL WHERE user_id = %s",
        [person.user_id],
    )
    categorized(world, person)
    assert reason(world, person)["category"] == "customer_service"
    assert tasks_of(world, person.user_id) == []


def test_a_reply_is_categorized_once(world: World) -> None:
    person = left(world)
    reply_id = says(world, person, CERTAIN["unused"])
    before = replies(world, person)
    assert here(lambda: categorize_reply(reply_id)) is None
    assert here(lambda: categorize_reply(uuid.uuid4())) is None
    assert replies(world, person) == before


@pytest.mark.parametrize(("above", "tasks"), [(False, 0), (True, 1)])
def test_a_category_is_certain_from_the_minimum_on(world: World, above: bool, tasks: int) -> None:
    person = left(world)
    waiting = waiting_reply(world, person, CERTAIN["unused"])
    confidence = category_of(CERTAIN["unused"]).confidence
    minimum = math.nextafter(confidence, 2) if above else confidence
    done = here(lambda: categorize_reply(waiting["id"]), reply_min_confidence=minimum)
    assert done is not None
    assert done.certain is not above
    assert len(tasks_of(world, person.user_id)) == tasks
    assert reason(world, person)["category"] == ("prefer_not_to_say" if above else "unused")


async def asked(url: str, reply_id: UUID, seconds: float = 30.0) -> None:
    """Categorize with a model at this address that has so long to respond."""
    settings = ReplySettings(reply_model_url=url, reply_model_name="any")
    model = ModelEndpoint(settings, seconds=seconds, pause=0.01)
    with using(replace(services(), categorizer=model)):
        await categorize_reply(reply_id)


@pytest.mark.parametrize("fault", ["down", "hanging", "failing"])
def test_a_model_in_an_outage_leaves_the_reply_for_later(world: World, fault: str) -> None:
    person = left(world)
    waiting = waiting_reply(world, person, CERTAIN["unused"])
    with serving() as model:
        if fault == "hanging":
            model.hang()
        model.statuses = [503] * 2
        url = f"http://127.0.0.1:{free_port()}/v1" if fault == "down" else model.url
        with pytest.raises(CategoryFailed):
            here(lambda: asked(url, waiting["id"], seconds=0.5 if fault == "hanging" else 30.0))
    assert replies(world, person) == [waiting]
    done = here(lambda: categorize_reply(waiting["id"]))
    assert done is not None
    assert done.certain
    assert reason(world, person)["category"] == "unused"


def test_a_model_that_responds_rubbish_leaves_the_reply_to_a_person(world: World) -> None:
    person = left(world)
    waiting = waiting_reply(world, person, CERTAIN["unused"])
    with serving() as model:
        model.says = "They don't use it, I'd say."
        here(lambda: asked(model.url, waiting["id"]))
    [stored] = replies(world, person)
    assert (stored["category"], stored["categorized_by"], stored["categorize_at"]) == (None, "any", None)
    assert task_of(world, person)["key"] == str(waiting["id"])
    old(world, person)
    assert [line for line in listed(load(ReplyListSettings), every=False) if str(waiting["id"]) in line]


def test_the_text_is_only_in_its_row_and_goes_with_the_reason(world: World) -> None:
    person, marker = left(world), f"marker{uuid.uuid4().hex}"
    says(world, person, f"{CERTAIN['unused']} {marker}")
    says(world, person, f"{UNCERTAIN} {marker}")
    assert places_that_hold(world, marker) == {"cancelflow.replies"}

    given_days_ago(world, person, 91)
    assert swept(anonymize_feedback).is_completed()

    assert replies(world, person) == []
    assert places_that_hold(world, marker) == set()
    assert task_of(world, person)["done_by"] == "retention"


def test_a_reply_that_comes_after_that_is_kept_for_90_days(world: World) -> None:
    person = left(world)
    address = reply_address(world, person)
    given_days_ago(world, person, 91)
    assert swept(anonymize_feedback).is_completed()
    assert arrives(reply(address, CERTAIN["unused"])) == [True]
    categorized(world, person)
    age = "UPDATE replies SET received_at = now() - %s::interval WHERE user_id = %s"
    for days, kept in ((89, 1), (91, 0)):
        world.admin.execute(age, [timedelta(days=days), person.user_id])
        assert swept(prune_history).is_completed()
        assert len(replies(world, person)) == kept


def commands(folder: Path, *arguments: str) -> str:
    done = cancelflow("replies", *arguments, cwd=folder)
    assert done.code == 0, done
    return done.out


def test_the_commands_list_show_and_correct(world: World, tmp_path: Path) -> None:
    person = left(world)
    reply_id = str(says(world, person, f"{UNCERTAIN}\x1b[2J"))
    old(world, person)
    [line] = [each for each in commands(tmp_path).splitlines() if reply_id in each]
    assert " 0." in line
    assert UNCERTAIN not in line

    shown = commands(tmp_path, "show", reply_id)
    assert shown.endswith(f"\n\n{UNCERTAIN} [2J\n")
    assert "\x1b" not in shown
    assert person.user_id in shown

    assert commands(tmp_path, "correct", reply_id, "unused", "--by", "Robin") == f"{reply_id} is unused\n"
    assert reply_id not in commands(tmp_path)
    [line] = [each for each in commands(tmp_path, "--all").splitlines() if reply_id in each]
    assert "unused (corrected)" in line
    assert "corrected  unused, by Robin" in commands(tmp_path, "show", reply_id)


def test_what_can_not_be_corrected_says_why(world: World, tmp_path: Path) -> None:
    person = left(world)
    arrives(reply(reply_address(world, person), "STOP"))
    [stop] = replies(world, person)
    said = refused(cancelflow("replies", "correct", str(stop["id"]), "unused", cwd=tmp_path), 1)
    assert f"{NotAnAnswer.__name__}: {stop['id']} has no category: it is of the kind stop" in said
    unknown = str(uuid.uuid4())
    said = refused(cancelflow("replies", "show", unknown, cwd=tmp_path), 1)
    assert f"{ReplyUnknown.__name__}: there is no reply {unknown}" in said
    said = refused(cancelflow("replies", "correct", str(stop["id"]), "PRICING", cwd=tmp_path), 2)
    assert "a category is one of" in said
