"""Dates in emails: in the message's language, the customer's regional format and time zone.

Invalid data never raises: an unknown locale means English, an unknown time zone UTC.
"""

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_time, get_timezone_gmt

from email_templates.languages import message_locale
from email_templates.translations import language_of


def long_date_and_time(at: datetime, locale: str | None, time_zone: str | None) -> str:
    """Return the date and the time with the zone: `December 24, 2026 at 12:39 PM UTC`.

    `locale` as `en_GB` or `en-GB`, `time_zone` an IANA name. A time without a zone counts as UTC.
    """
    there, language = _in_zone(at, time_zone), language_of(locale)
    # CLDR puts a narrow no-break space before AM and PM, which some mail clients show as a box.
    time = format_time(there, "short", locale=language.locale).replace("\u202f", " ")
    zone = there.tzname() or ""
    if not zone.isalpha():  # a zone without an abbreviation, which Python names +0545
        zone = get_timezone_gmt(there, locale=language.locale)
    date = format_date(there, "long", locale=language.locale)
    return language.gettext("%(date)s at %(time)s %(zone)s", date=date, time=time, zone=zone)


def long_date(at: datetime, locale: str | None, time_zone: str | None) -> str:
    """Return the date, `December 24, 2026`, in the customer's time zone."""
    return format_date(_in_zone(at, time_zone), "long", locale=message_locale(locale))


def _in_zone(at: datetime, time_zone: str | None) -> datetime:
    aware = at if at.tzinfo else at.replace(tzinfo=UTC)
    try:
        return aware.astimezone(_zone(time_zone))
    except OverflowError:  # near Python's minimum or maximum date
        return aware


def _zone(name: str | None) -> tzinfo:
    # ZoneInfo opens names as files: a folder ("America") or a name that is too long raises an OSError.
    try:
        return ZoneInfo(name) if name else UTC
    except (KeyError, ValueError, OSError):
        return UTC
