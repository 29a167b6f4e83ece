"""The deletion plan as data: what a file must contain, and how a company adds its own tables."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployments.migrations import MigrationFailed, migrate
from flows.delete_expired_data import delete_expired_data
from nodes.deletion.step_01_read_deletion_plan import DeletionPlanIncomplete, DeletionPlanStale
from nodes.settings import DatabaseSettings, load
from sql.deletion_plan import DeletionPlanInvalid, read_plan
from tests.deletion.former_customers import former_customer, swept
from tests.world import World

# The Stripe SDK triggers this httpx deprecation warning.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload raw bytes:DeprecationWarning")

WISHES = """-- table: wish_lists
-- goes: what they wished for
-- ground: the purpose has ended
DELETE FROM wish_lists WHERE user_id = $1;
"""


def test_every_step_states_its_effect_and_legal_ground() -> None:
    for step in read_plan():
        assert step.what
        assert step.ground
        assert "$1" in step.statement


def test_the_steps_are_ordered_by_file_name() -> None:
    names = [step.name for step in read_plan()]
    assert names == sorted(names)
    assert names.index("70_subscriptions") < names.index("80_users") < names.index("90_audit_log")


def test_a_companys_steps_are_sorted_among_the_products(tmp_path: Path) -> None:
    (tmp_path / "65_wish_lists.sql").write_text(WISHES)
    names = [step.name for step in read_plan(tmp_path)]
    assert names.index("60_cancellation_requests") + 1 == names.index("65_wish_lists")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (WISHES.replace("-- table: wish_lists\n", ""), "needs"),
        (WISHES.replace("-- goes", "-- gone"), "needs"),
        (WISHES.replace("-- ground: the purpose has ended\n", ""), "needs"),
        (WISHES.replace("-- table: wish_lists", "-- outside: the warehouse"), "outside this database"),
        (WISHES.replace(" WHERE user_id = $1", ""), "about the user"),
        (WISHES + "DELETE FROM wishes WHERE user_id = $1;", "one statement"),
        (WISHES.replace("wish_lists", "users"), "twice"),
    ],
)
def test_an_invalid_file_is_refused_with_the_reason(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "65_wish_lists.sql").write_text(text)
    with pytest.raises(DeletionPlanInvalid, match=why):
        read_plan(tmp_path)


def test_a_path_that_is_not_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DeletionPlanInvalid, match="is not a folder"):
        read_plan(tmp_path / "nothing")


@pytest.fixture
def companys_table(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Create a company's own table, and yield the folder of its plan, whose step is not written yet."""
    world.admin.execute("CREATE TABLE wish_lists (user_id text REFERENCES users, wish text)")
    with monkeypatch.context() as settings:
        settings.setenv("DATA_DELETION_PLAN", str(tmp_path))
        yield tmp_path
    world.admin.execute("DROP TABLE wish_lists")
    assert "DATA_DELETION_PLAN" not in os.environ
    migrate(load(DatabaseSettings))


def test_a_companys_table_is_deleted_from_once_its_step_is_installed(world: World, companys_table: Path) -> None:
    person, _ = former_customer(world, days_ago=91)
    world.admin.execute("INSERT INTO wish_lists VALUES (%s, 'a pony'), (%s, 'a boat')", [person.user_id] * 2)
    with pytest.raises(DeletionPlanIncomplete, match="wish_lists"):
        swept(delete_expired_data, dry_run=False)
    (companys_table / "65_wish_lists.sql").write_text(WISHES)
    with pytest.raises(DeletionPlanStale, match="65_wish_lists"):
        swept(delete_expired_data, dry_run=False)

    migrate(load(DatabaseSettings))
    swept(delete_expired_data, dry_run=False)

    left = world.belongings(person.user_id)
    assert (left["users"], left["wish_lists"]) == ([], [])
    [record] = left["data_deletions"]
    assert {part["table"]: part["rows"] for part in record["removed"]}["wish_lists"] == 2


def test_an_invalid_plan_is_not_installed(world: World, companys_table: Path) -> None:
    before = world.rows("SELECT * FROM data_deletion_plan ORDER BY step")
    (companys_table / "65_wish_lists.sql").write_text("DELETE FROM wish_lists")
    with pytest.raises(MigrationFailed, match="65_wish_lists"):
        migrate(load(DatabaseSettings))
    assert world.rows("SELECT * FROM data_deletion_plan ORDER BY step") == before
