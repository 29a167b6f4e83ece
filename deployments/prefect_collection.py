"""What Prefect's server loads of ours when it starts: the entry point `prefect.collections` in pyproject.toml."""

import datetime
import functools
import sys
from typing import Any

_DATABASE = "prefect.server.utilities.database"


def bind_plain_times() -> None:
    """Hand moments to the database's driver as Python's own.

    On Python below 3.13 Prefect's are pendulum's, and asyncpg subtracts an epoch from each: with pendulum that makes an
    interval in its calendar, an eighth of all that the server does. Nothing is written that would not be without this.
    """
    if _DATABASE not in sys.modules:  # not a server: a worker loads collections too
        return
    timestamp = sys.modules[_DATABASE].Timestamp
    as_ever = timestamp.process_bind_param

    @functools.wraps(as_ever)
    def process_bind_param(self: Any, value: datetime.datetime | None, dialect: Any) -> datetime.datetime | None:
        bound = as_ever(self, value, dialect)
        return bound if bound is None or type(bound) is datetime.datetime else plain(bound)

    timestamp.process_bind_param = process_bind_param


def plain(moment: datetime.datetime) -> datetime.datetime:
    """The same moment, as Python's own."""
    return datetime.datetime(
        moment.year,
        moment.month,
        moment.day,
        moment.hour,
        moment.minute,
        moment.second,
        moment.microsecond,
        moment.tzinfo,
        fold=moment.fold,
    )


bind_plain_times()
