"""Dates in the message's language, the customer's format and time zone; invalid data in a row never raises."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from email_templates.dates import long_date, long_date_and_time
from email_templates.translations import language_of

END = datetime(2026, 1, 26, tzinfo=UTC)


@pytest.mark.parametrize(
    ("locale", "time_zone", "text"),
    [
        ("en", "UTC", "January 26, 2026 at 12:00 AM UTC"),
        ("en_US", "America/New_York", "January 25, 2026 at 7:00 PM EST"),
        ("en-GB", "Europe/London", "26 January 2026 at 00:00 GMT"),
        ("en_AU", "Australia/Sydney", "26 January 2026 at 11:00 am AEDT"),
        ("de_DE", "Europe/Berlin", "26. Januar 2026 um 01:00 Uhr CET"),
        ("de-AT", "UTC", "26. Jänner 2026 um 00:00 Uhr UTC"),
        ("fr", "Europe/Paris", "26 janvier 2026 à 01:00 CET"),
        ("es_ES", "Europe/Madrid", "26 de enero de 2026, 1:00 CET"),
        ("es_MX", "America/Mexico_City", "25 de enero de 2026, 6:00 p.m. CST"),
        # Without a translation the whole message is English, including the date.
        ("it_IT", "Europe/Rome", "January 26, 2026 at 1:00 AM CET"),
        ("pt_BR", "America/Sao_Paulo", "January 25, 2026 at 9:00 PM GMT-03:00"),
        ("ja_JP", "Asia/Tokyo", "January 26, 2026 at 9:00 AM JST"),
        ("ar", "Asia/Kathmandu", "January 26, 2026 at 5:45 AM GMT+05:45"),
    ],
)
def test_the_time_is_in_the_emails_language_and_the_customers_time_zone(locale: str, time_zone: str, text: str) -> None:
    assert long_date_and_time(END, locale, time_zone) == text


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (datetime(2026, 3, 29, 0, 59, tzinfo=UTC), "March 29, 2026 at 1:59 AM CET"),
        (datetime(2026, 3, 29, 1, 0, tzinfo=UTC), "March 29, 2026 at 3:00 AM CEST"),
        # The same hour twice: only the zone distinguishes them.
        (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), "October 25, 2026 at 2:30 AM CEST"),
        (datetime(2026, 10, 25, 1, 30, tzinfo=UTC), "October 25, 2026 at 2:30 AM CET"),
    ],
)
def test_daylight_saving_time_is_respected(at: datetime, text: str) -> None:
    assert long_date_and_time(at, "en", "Europe/Berlin") == text


def test_a_date_is_the_day_in_the_customers_time_zone() -> None:
    assert long_date(END, "pt-BR", "America/Sao_Paulo") == "January 25, 2026"
    assert long_date(END, "en-GB", "Asia/Tokyo") == "26 January 2026"


def test_the_offset_of_the_time_does_not_matter() -> None:
    expected = long_date_and_time(END, "en", "Europe/Berlin")
    assert long_date_and_time(END.astimezone(timezone(timedelta(hours=-7))), "en", "Europe/Berlin") == expected
    assert long_date_and_time(END.replace(tzinfo=None), "en", "Europe/Berlin") == expected


@pytest.mark.parametrize(
    ("locale", "tag"),
    [
        ("en-gb", "en-GB"),
        ("en_XX", "en"),
        ("en_GB.UTF-8", "en-GB"),
        ("en-GB-u-ca-buddhist", "en-GB"),
        *((translated, "en") for translated in ("it_IT", "pt-br", "zh_Hant_TW", "en_Shaw", "en_Dsrt_US")),
        *((bad, "en") for bad in (None, "", "xx", "C", "POSIX", "x-klingon", "../etc/passwd", "\x00", "1", "é")),
    ],
)
def test_a_locale_without_a_translation_falls_back_to_english(locale: str | None, tag: str) -> None:
    assert language_of(locale).tag == tag
    assert long_date_and_time(END, locale, None).isascii()


@pytest.mark.parametrize(
    "time_zone", [None, "", "Mars/Base", "America", "../etc/passwd", "/etc/passwd", "a\x00b", "a" * 5000, "tzdata.zi"]
)
def test_an_unknown_time_zone_falls_back_to_utc(time_zone: str | None) -> None:
    assert long_date_and_time(END, "en", time_zone) == "January 26, 2026 at 12:00 AM UTC"


def test_the_earliest_and_latest_dates_are_no_error() -> None:
    assert long_date(datetime.max.replace(tzinfo=UTC), "en", "Asia/Tokyo") == "December 31, 9999"
    assert long_date(datetime.min.replace(tzinfo=UTC), "en", "America/New_York") == "January 1, 1"
