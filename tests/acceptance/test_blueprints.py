"""`cancelflow blueprints`, and the versions that the application reads, in a database of their own (FEATURES F27)."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import psycopg
import pytest
from psycopg import errors

from deployments.migrations import migrate
from deployments.operations.blueprints import publish
from nodes.clients.blueprints.loader import BlueprintSet, BlueprintsInvalid
from nodes.clients.blueprints.published import PublishedBlueprints, VersionUnknown
from nodes.settings import BlueprintSettings
from tests.conftest import Addresses
from tests.nodes.clients.test_database import new_database, opened, settings
from tests.test_command_line import Done, bare, cancelflow, refused

pytestmark = pytest.mark.slow

Result = TypeVar("Result")

OURS = """audience: plan == 'team' && customer.metadata['tier'] == 'gold'
steps:
  - survey:
      required: true
      reasons:
        - {code: price, meaning: It costs too much., label: Price, stripe: too_expensive, offers: [pause]}
"""
PLAIN = "steps:\n  - confirm:\n"


@pytest.fixture
def database(stack: Addresses) -> Iterator[str]:
    """Yield the owner's URL of a migrated database."""
    with new_database(str(stack["database_admin_url"])) as url:
        migrate(settings(url))
        yield url


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "ours"
    made.mkdir()
    write(made, "team.yaml", OURS)
    write(made, "default.yaml", PLAIN)
    return made


def write(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text, encoding="utf-8")


def blueprints(*arguments: str, database: str, folder: Path | None) -> Done:
    named = {"DATABASE_URL": database, "DATABASE_ADMIN_URL": database, "BLUEPRINTS": str(folder) if folder else None}
    cwd = folder.parent if folder else Path.cwd()
    return cancelflow("blueprints", *arguments, cwd=cwd, **{**bare(), **named})


def said(done: Done) -> str:
    assert (done.code, done.err) == (0, "")
    return done.out


def read(database: str, work: Callable[[PublishedBlueprints], Awaitable[Result]]) -> Result:
    """Return what the work reads as the application."""

    async def scenario() -> Result:
        async with opened(database) as connected:
            return await work(PublishedBlueprints(connected))

    return asyncio.run(scenario())


def current(database: str) -> BlueprintSet:
    return read(database, PublishedBlueprints.current)


def rows(database: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(database) as connection:
        return connection.execute(query.encode()).fetchall()


def test_check_shows_the_folder_without_a_database(folder: Path) -> None:
    named = {**bare(), "BLUEPRINTS": str(folder)}
    table = said(cancelflow("blueprints", "check", cwd=folder.parent, **named))
    for shown in ("team", "customer.metadata['tier'] == 'gold'", "survey (required)", "price: pause", "everyone else"):
        assert shown in table
    default = said(cancelflow("blueprints", "check", cwd=folder.parent, **bare()))
    assert "too_expensive: discount, plan_change" in default


def test_check_reports_every_error_with_file_and_line(folder: Path) -> None:
    write(folder, "team.yaml", OURS.replace("plan ==", "pln ==").replace("[pause]", "[puase]"))
    message = refused(cancelflow("blueprints", "check", cwd=folder.parent, **bare(), BLUEPRINTS=str(folder)), 1)
    assert message.startswith("BlueprintsInvalid: The blueprints cannot be used:\n")
    assert f"{folder}/team.yaml:1: audience: undeclared reference to 'pln' (column 1)" in message
    assert f"{folder}/team.yaml:6: the catalogue has no offer puase" in message


def test_a_code_of_the_default_set_keeps_its_meaning(folder: Path) -> None:
    write(folder, "team.yaml", OURS.replace("code: price", "code: too_expensive"))
    message = refused(cancelflow("blueprints", "check", cwd=folder.parent, **bare(), BLUEPRINTS=str(folder)), 1)
    assert "team.yaml:6: too_expensive has another meaning in the default set" in message


def test_without_a_published_version_the_default_set_is_current(database: str) -> None:
    assert said(blueprints("show", database=database, folder=None)).startswith("version 0, the default set\n")
    found = current(database)
    assert (found.version, [each.name for each in found.blueprints]) == (0, ["default"])
    assert said(blueprints("publish", database=database, folder=None)) == "nothing changed\n"


def test_publishing_makes_a_version_and_sessions_keep_theirs(database: str, folder: Path) -> None:
    assert said(blueprints("publish", database=database, folder=folder)) == "published as version 1\n"
    assert said(blueprints("publish", database=database, folder=folder)) == "nothing changed\n"
    write(folder, "default.yaml", PLAIN + "  - feedback:\n")
    assert said(blueprints("publish", database=database, folder=folder)) == "published as version 2\n"

    async def scenario() -> None:
        async with opened(database) as connected:
            published = PublishedBlueprints(connected)
            first, newest, same = await asyncio.gather(
                published.of_version(1), published.current(), published.current()
            )
            assert newest.version == 2
            assert same is newest
            assert [len(each.blueprints[-1].steps) for each in (newest, first)] == [2, 1]
            assert await published.current() is newest
            with pytest.raises(VersionUnknown, match="there is no version 3 of the blueprints"):
                await published.of_version(3)
            write(folder, "default.yaml", PLAIN)
            await asyncio.to_thread(publish, settings(database), BlueprintSettings(blueprints=folder))
            assert (await published.current()).version == 3

    asyncio.run(scenario())
    shown = said(blueprints("show", "1", database=database, folder=folder))
    assert shown.startswith("version 1, published at ")
    assert "price: pause" in shown
    assert "feedback" in said(blueprints("show", "2", database=database, folder=folder))
    assert "no version 9" in refused(blueprints("show", "9", database=database, folder=folder), 1)


def test_a_published_code_never_gets_another_meaning(database: str, folder: Path) -> None:
    said(blueprints("publish", database=database, folder=folder))
    write(folder, "team.yaml", OURS.replace("price", "cost"))
    said(blueprints("publish", database=database, folder=folder))

    # The code is in no current blueprint, but it was in version 1.
    for changed, what in ((("costs too much", "is worth less"), "meaning"), (("too_expensive", "unused"), "stripe")):
        write(folder, "team.yaml", OURS.replace(*changed))
        message = refused(blueprints("publish", database=database, folder=folder), 1)
        assert f"{folder}/team.yaml:6: price has another {what} in version 1" in message
    assert current(database).version == 2

    write(folder, "team.yaml", OURS.replace("label: Price", "label: {en: Cost, de: Preis}"))
    assert said(blueprints("publish", database=database, folder=folder)) == "published as version 3\n"
    assert rows(database, "SELECT code, meaning, stripe, first_version FROM blueprint_reasons ORDER BY code") == [
        ("cost", "It costs too much.", "too_expensive", 2),
        ("price", "It costs too much.", "too_expensive", 1),
    ]


def test_a_code_gets_a_feedback_option_later_and_keeps_it(database: str, folder: Path) -> None:
    def with_option(option: str) -> str:
        return OURS.replace("label: Price", f"label: Price, feedback_option: {option}")

    said(blueprints("publish", database=database, folder=folder))
    write(folder, "team.yaml", with_option("fo_price"))
    assert said(blueprints("publish", database=database, folder=folder)) == "published as version 2\n"
    assert current(database).reasons["price"].feedback_option == "fo_price"
    write(folder, "team.yaml", OURS)
    assert said(blueprints("publish", database=database, folder=folder)) == "published as version 3\n"

    for changed, says in (
        (with_option("fo_new"), "price has the feedback option fo_price"),
        (with_option("fo_price").replace("code: price", "code: cost"), "fo_price is the feedback option of price"),
    ):
        write(folder, "team.yaml", changed)
        message = refused(blueprints("publish", database=database, folder=folder), 1)
        assert f"{folder}/team.yaml:6: {says}" in message


def test_what_cant_be_used_is_not_published(database: str, folder: Path) -> None:
    write(folder, "default.yaml", "steps: []\n")
    assert "default.yaml:1: steps" in refused(blueprints("publish", database=database, folder=folder), 1)
    assert rows(database, "SELECT count(*) FROM blueprint_versions") == [(0,)]


def test_a_version_that_this_release_cant_use_is_an_error_and_can_be_replaced(database: str, folder: Path) -> None:
    with psycopg.connect(database) as connection:
        connection.execute('INSERT INTO blueprint_versions VALUES (1, \'{"default.yaml": "stages: []"}\')')
    with pytest.raises(BlueprintsInvalid, match=r"default\.yaml:1: "):
        current(database)
    assert said(blueprints("publish", database=database, folder=folder)) == "published as version 2\n"
    assert current(database).version == 2


def test_two_publications_at_the_same_time_make_one_version(database: str, folder: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: publish(settings(database), BlueprintSettings(blueprints=folder)), range(4)))
    assert sorted(made, key=str) == [1, None, None, None]


def test_the_application_only_reads(database: str, folder: Path) -> None:
    said(blueprints("publish", database=database, folder=folder))
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("SET ROLE cancelflow_app")
        for statement in (
            "INSERT INTO blueprint_versions (version, files) VALUES (9, '{}')",
            "UPDATE blueprint_versions SET files = '{}'",
            "DELETE FROM blueprint_versions",
            "UPDATE blueprint_reasons SET meaning = 'x'",
            "INSERT INTO blueprint_reasons VALUES ('x', 'x', 'other', 1)",
        ):
            with pytest.raises(errors.InsufficientPrivilege):
                connection.execute(statement.encode())


def test_publishing_says_what_it_needs(stack: Addresses, folder: Path) -> None:
    message = refused(blueprints("publish", database=str(stack["database_url"]), folder=folder), 1)
    assert message == "NotPublished: only the owner of the tables publishes: set DATABASE_ADMIN_URL"
    with new_database(str(stack["database_admin_url"])) as empty:
        message = refused(blueprints("publish", database=empty, folder=folder), 1)
        assert message == "NotPublished: the database is not migrated: run `cancelflow migrate`"
    missing = {**bare(), "DATABASE_URL": str(stack["database_url"]), "BLUEPRINTS": "nowhere"}
    assert "BLUEPRINTS is wrong" in refused(cancelflow("blueprints", "publish", cwd=folder, **missing), 2)
