"""Dates as a customer would write them: in their language, by their clock. Bad data from a row never raises."""

import re
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time, get_timezone_name

_ENGLISH = Locale("en")


def in_customers_words(moment: datetime, locale: str | None, time_zone: str | None) -> str:
    """The date and the time with the zone's name: `26. Januar 2026, 01:00 (Mitteleuropäische Normalzeit)`.

    `locale` as `de_DE` or `pt-BR`; unknown: its language, then English. `time_zone` an IANA name; unknown: UTC.
    A moment without a zone counts as UTC.
    """
    there, known = _at_the_customers(moment, time_zone), _known(locale)
    pattern = str(known.datetime_formats["long"]).replace("'", "")  # CLDR quotes the words between date and time
    date = format_date(there, "long", locale=known)
    # Without seconds, which Babel's own long format has: nobody's subscription ends at a second.
    time = format_time(there, "short", locale=known)
    return f"{pattern.format(time, date)} ({get_timezone_name(there, 'long', locale=known)})"


def long_date(moment: datetime, locale: str | None, time_zone: str | None) -> str:
    """The date alone, `26. Januar 2026`, as that day is in the customer's zone. Tolerant as `in_customers_words`."""
    return format_date(_at_the_customers(moment, time_zone), "long", locale=_known(locale))


def language_tag(locale: str | None) -> str:
    """The BCP 47 tag, `de-DE`, of the locale in which the other two functions write."""
    return str(_known(locale)).replace("_", "-")


def _at_the_customers(moment: datetime, time_zone: str | None) -> datetime:
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    try:
        return aware.astimezone(_zone(time_zone))
    except OverflowError:  # the first and the last day that Python knows
        return aware


def _zone(name: str | None) -> tzinfo:
    # ZoneInfo looks names up as files: a folder ("America") or a name too long is an OSError.
    try:
        return ZoneInfo(name) if name else UTC
    except (KeyError, ValueError, OSError):
        return UTC


def _known(locale: str | None) -> Locale:
    # What stands before a POSIX charset or modifier or a Unicode extension: de_DE.UTF-8, de_DE@euro, de-DE-u-co-….
    name = re.split(r"[.@]|[-_][a-zA-Z0-9][-_]", locale or "")[0].replace("-", "_")
    for candidate in (name, name.partition("_")[0]):
        try:
            return Locale.parse(candidate)
        except (UnknownLocaleError, ValueError):
            continue
    return _ENGLISH
