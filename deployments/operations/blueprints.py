"""`cancelflow blueprints`: check the company's folder, publish it as a new version, and read what is published."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from deployments.operations.requests import connected
from nodes.clients.blueprints.checks import Known
from nodes.clients.blueprints.loader import BlueprintSet, Files, files_in, read_blueprints
from nodes.clients.blueprints.published import VersionUnknown
from nodes.clients.catalog import read_catalog
from nodes.errors import CancelflowError
from nodes.settings import BlueprintSettings, DatabaseSettings
from sql import QUERIES


class NotPublished(CancelflowError):
    """PostgreSQL refused to publish blueprints, or to show them."""


def check(settings: BlueprintSettings, published: dict[str, Known] | None = None) -> BlueprintSet:
    """Return the set in BLUEPRINTS, or the default one. Raises `BlueprintsInvalid`.

    Its reasons have to agree with those of the default set, and with those published.
    """
    default = read_blueprints(files_in()).reasons.values()
    known = {each.code: Known(each.meaning, each.stripe, "in the default set") for each in default}
    plans = read_catalog(settings.catalog).plans.values()
    return read_blueprints(
        files_in(settings.blueprints),
        folder=settings.blueprints,
        offers={offer.id for plan in plans for offer in plan.all_offers},
        known={**known, **(published or {})},
    )


def publish(database: DatabaseSettings, settings: BlueprintSettings) -> int | None:
    """Store the set as a new version, and return it; None if nothing changed. Needs the owner's connection.

    Raises `BlueprintsInvalid`, also for a reason that was published with another meaning (FEATURES F27).
    """
    with _reading(database) as connection:
        connection.execute(QUERIES["lock_blueprints"])
        rows = connection.execute(QUERIES["blueprint_reasons"]).fetchall()
        before = {code: Known(meaning, sent, f"in version {n}", option) for code, meaning, sent, n, option in rows}
        found = check(settings, before)
        if found.files == _files(connection, None)[1]:
            return None
        files = Jsonb(found.files)
        [[version]] = connection.execute(QUERIES["publish_blueprints"], {"files": files}).fetchall()
        for each in found.reasons.values():
            reason = {"code": each.code, "meaning": each.meaning, "stripe": each.stripe}
            named = {**reason, "feedback_option": each.feedback_option, "version": version}
            connection.execute(QUERIES["add_blueprint_reason"], named)
    return int(version)


def published(database: DatabaseSettings, version: int | None) -> tuple[BlueprintSet, datetime | None]:
    """Return a version, or the newest, and when it was published; None for the default set, which is version 0."""
    with _reading(database) as connection:
        number, files, published_at = _files(connection, version)
    return read_blueprints(files, number), published_at


def _files(connection: psycopg.Connection[Any], version: int | None) -> tuple[int, Files, datetime | None]:
    if version is None:
        [[version]] = connection.execute(QUERIES["newest_blueprints"]).fetchall()
    if version == 0:
        return 0, files_in(), None
    row = connection.execute(QUERIES["blueprints_of_version"], {"version": version}).fetchone()
    if row is None:
        raise VersionUnknown(f"there is no version {version} of the blueprints")
    files, published_at = row
    return version, files, published_at.astimezone(UTC)


@contextmanager
def _reading(database: DatabaseSettings) -> Iterator[psycopg.Connection[Any]]:
    try:
        with connected(database) as connection:
            yield connection
    except psycopg.errors.UndefinedTable:
        raise NotPublished("the database is not migrated: run `cancelflow migrate`") from None
    except psycopg.errors.InsufficientPrivilege:
        raise NotPublished("only the owner of the tables publishes: set DATABASE_ADMIN_URL") from None
