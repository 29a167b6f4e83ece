"""Tags of what customers missed: put and removed by people, and gone with the feedback (FEATURES N07)."""

import uuid
from datetime import timedelta
from pathlib import Path

import pytest

from deployments.operations.feedback_tags import FeedbackUnknown, TagUnknown
from flows.anonymize_feedback import anonymize_feedback
from flows.prune_history import prune_history
from nodes.rules.tags import normalized
from tests.deletion.former_customers import given_days_ago, swept
from tests.replies.customers import arrives, left, replies, reply, reply_address
from tests.test_command_line import cancelflow, refused
from tests.world import Person, Row, World


@pytest.mark.parametrize(
    ("given", "tag"),
    [
        ("sso", "sso"),
        (" SSO ", "sso"),
        ("Single  Sign-On", "single-sign-on"),
        ("api_v2", "api-v2"),
        ("x" * 40, "x" * 40),
        ("x" * 41, None),
        ("", None),
        ("-", None),
        ("-sso", None),
        ("sso!", None),
        ("función", None),
    ],
)
def test_a_tag_is_written_in_one_way(given: str, tag: str | None) -> None:
    assert normalized(given) == tag


def tags(world: World, person: Person) -> list[Row]:
    return world.rows(
        "SELECT request_id, kind, tag, tagged_by FROM feedback_tags WHERE user_id = %s ORDER BY tag", person.user_id
    )


def command(folder: Path, *arguments: str) -> str:
    done = cancelflow("replies", *arguments, cwd=folder)
    assert done.code == 0, done
    return done.out


@pytest.mark.slow
def test_a_person_tags_a_reason_or_a_reply_and_untags_it(world: World, tmp_path: Path) -> None:
    person, mark = left(world, feedback="Without SSO we can't use it"), f"t{uuid.uuid4().hex}"
    assert arrives(reply(reply_address(world, person), "and your audit log is short")) == [True]
    [answer] = replies(world, person)
    reply_id, request_id = str(answer["id"]), str(answer["request_id"])

    assert (
        command(tmp_path, "tag", request_id, "SSO", "--by", "Robin") == f"request {request_id} is tagged missing: sso\n"
    )
    command(tmp_path, "tag", reply_id, mark)
    command(tmp_path, "tag", reply_id, "sso", "--by", "Sasha")

    named = {"request_id": answer["request_id"], "kind": "missing"}
    assert tags(world, person) == [
        named | {"tag": "sso", "tagged_by": "Robin"},
        named | {"tag": mark, "tagged_by": "operator"},
    ]
    assert f"tags       missing: sso, missing: {mark}\n" in command(tmp_path, "show", reply_id)
    assert f"missing: {mark:40}  customers 1\n" in command(tmp_path, "tags")

    command(tmp_path, "untag", reply_id, "sso")
    assert [row["tag"] for row in tags(world, person)] == [mark]
    said = refused(cancelflow("replies", "untag", request_id, "sso", cwd=tmp_path), 1)
    assert f"{TagUnknown.__name__}: {request_id} is not tagged sso" in said


@pytest.mark.slow
def test_what_can_not_be_tagged_says_why(world: World, tmp_path: Path) -> None:
    unknown = str(uuid.uuid4())
    said = refused(cancelflow("replies", "tag", unknown, "sso", cwd=tmp_path), 1)
    assert f"{FeedbackUnknown.__name__}: no cancellation request or reply is {unknown}" in said
    said = refused(cancelflow("replies", "tag", unknown, "no sso!", cwd=tmp_path), 2)
    assert "a tag has 1 to 40 letters from a to z, digits and hyphens" in said


@pytest.mark.slow
# The Stripe SDK triggers this httpx deprecation warning.
@pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload raw bytes:DeprecationWarning")
def test_tags_go_with_the_reason_and_later_ones_90_days_later(world: World, tmp_path: Path) -> None:
    person = left(world)
    request_id = str(world.row("SELECT id FROM cancellation_requests WHERE user_id = %s", person.user_id)["id"])
    command(tmp_path, "tag", request_id, "sso")
    given_days_ago(world, person, 91)
    assert swept(anonymize_feedback).is_completed()
    assert tags(world, person) == []

    command(tmp_path, "tag", request_id, "sso")
    age = "UPDATE feedback_tags SET tagged_at = now() - %s::interval WHERE user_id = %s"
    for days, kept in ((89, 1), (91, 0)):
        world.admin.execute(age, [timedelta(days=days), person.user_id])
        assert swept(prune_history).is_completed()
        assert len(tags(world, person)) == kept
