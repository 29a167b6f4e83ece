"""When a customer may be called: between 8:00 and 21:00, wherever they may be (47 CFR 64.1200(c)(1), FEATURES G06)."""

from collections.abc import Collection, Iterator
from datetime import datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

FIRST = time(8)
LAST = time(21)
# Every zone has an opening in each of these.
DAYS_AHEAD = 2


def next_call(now: datetime, zones: Collection[str]) -> datetime | None:
    """Return now or the next time at which it is between 8:00 and 21:00 in every zone (IANA database).

    None if there is no such time, or if a zone is unknown or none is given, so that no time is known to be right.
    """
    try:
        clocks = [ZoneInfo(name) for name in zones]
    # ZoneInfo opens names as files: a folder ("America") or a name that is too long raises an OSError.
    except (KeyError, ValueError, OSError):
        return None
    openings = (at for clock in clocks for at in _openings(now, clock) if at > now)
    return next((at for at in (now, *sorted(openings)) if _fits(at, clocks)), None)


def _fits(at: datetime, clocks: Collection[tzinfo]) -> bool:
    return bool(clocks) and all(FIRST <= at.astimezone(clock).time() < LAST for clock in clocks)


def _openings(now: datetime, clock: tzinfo) -> Iterator[datetime]:
    """Yield the next times at which it is 8:00 there, in the zone of `now`."""
    today = now.astimezone(clock).date()
    for days in range(DAYS_AHEAD + 1):
        yield datetime.combine(today + timedelta(days), FIRST, clock).astimezone(now.tzinfo)
