"""What Prefect's server loads of ours."""

from datetime import UTC, datetime, timedelta, timezone
from importlib.metadata import entry_points
from typing import Any

import pytest
from prefect.server.utilities.database import Timestamp
from prefect.types._datetime import DateTime
from sqlalchemy.dialects.postgresql import asyncpg
from sqlalchemy.dialects.sqlite import aiosqlite

from deployments import prefect_collection

MOMENT = datetime(2026, 10, 25, 2, 30, 15, 123456, tzinfo=UTC)
EASTWARD = timezone(timedelta(hours=5, minutes=30))


@pytest.fixture(autouse=True)
def loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Timestamp, "process_bind_param", Timestamp.process_bind_param)
    prefect_collection.bind_plain_times()


def bind(moment: datetime | None, driver: Any) -> Any:
    """What the driver is given."""
    return Timestamp().process_bind_param(moment, driver.dialect())


def test_it_is_a_collection_of_prefects() -> None:
    [found] = [each for each in entry_points(group="prefect.collections") if each.name == "cancelflow"]

    assert found.load() is prefect_collection


@pytest.mark.parametrize("moment", [MOMENT, MOMENT.astimezone(EASTWARD)], ids=["UTC", "elsewhere"])
def test_a_moment_reaches_the_driver_as_pythons_own(moment: datetime) -> None:
    prefects = DateTime.fromisoformat(moment.isoformat())

    bound = bind(prefects, asyncpg)

    assert type(bound) is datetime
    assert (bound, bound.utcoffset()) == (moment, moment.utcoffset())


def test_what_prefect_refuses_is_refused() -> None:
    with pytest.raises(ValueError, match="timezone"):
        bind(MOMENT.replace(tzinfo=None), asyncpg)


def test_what_prefect_changes_stays_changed() -> None:
    bound = bind(MOMENT.astimezone(EASTWARD), aiosqlite)

    assert bound == MOMENT
    assert bound is not None and bound.utcoffset() == timedelta(0)
    assert bind(None, asyncpg) is None
