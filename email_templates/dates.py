"""Dates as a customer reads them: in the message's language, their region's format and their time zone.

Bad data in a row never raises: an unknown locale means English, an unknown time zone UTC.
"""

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_time, get_timezone_gmt

from email_templates.languages import message_locale


def long_date_and_time(at: datetime, locale: str | None, time_zone: str | None) -> str:
    """Return the date and the time with the zone: `December 24, 2026 at 12:39 PM UTC`.

    `locale` as `en_GB` or `en-GB`, `time_zone` an IANA name. A time without a zone counts as UTC.
    """
    there, language = _in_zone(at, time_zone), message_locale(locale)
    # CLDR puts a narrow no-break space before AM and PM, which some mail programs show as a box.
    time = format_time(there, "short", locale=language).replace("\u202f", " ")
    zone = there.tzname() or ""
    if not zone.isalpha():  # a zone without an abbreviation, which Python names +0545
        zone = get_timezone_gmt(there, locale=language)
    return f"{format_date(there, 'long', locale=language)} at {time} {zone}"


def long_date(at: datetime, locale: str | None, time_zone: str | None) -> str:
    """Return the date alone, `December 24, 2026`, as that day is in the customer's time zone."""
    return format_date(_in_zone(at, time_zone), "long", locale=message_locale(locale))


def _in_zone(at: datetime, time_zone: str | None) -> datetime:
    aware = at if at.tzinfo else at.replace(tzinfo=UTC)
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
