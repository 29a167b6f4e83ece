"""Dates in the customer's own words, and never an error for what stands in a row."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from email_templates.dates import in_customers_words, language_tag, long_date

END = datetime(2026, 1, 26, tzinfo=UTC)


@pytest.mark.parametrize(
    ("locale", "time_zone", "words"),
    [
        ("de_DE", "Europe/Berlin", "26. Januar 2026, 01:00 (Mitteleuropäische Normalzeit)"),
        ("pt_BR", "America/Sao_Paulo", "25 de janeiro de 2026 21:00 (Horário Padrão de Brasília)"),
        ("ja_JP", "Asia/Tokyo", "2026年1月26日 9:00 (日本標準時)"),
        ("ar", "Asia/Riyadh", "26 يناير 2026، 3:00 ص (التوقيت العربي الرسمي)"),
        ("en", "UTC", "January 26, 2026, 12:00\u202fAM (Coordinated Universal Time)"),
        ("en-GB", "Europe/London", "26 January 2026, 00:00 (Greenwich Mean Time)"),
    ],
)
def test_the_moment_in_the_customers_language_and_by_their_clock(locale: str, time_zone: str, words: str) -> None:
    assert in_customers_words(END, locale, time_zone) == words


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        (datetime(2026, 3, 29, 0, 59, tzinfo=UTC), "29. März 2026, 01:59 (Mitteleuropäische Normalzeit)"),
        (datetime(2026, 3, 29, 1, 0, tzinfo=UTC), "29. März 2026, 03:00 (Mitteleuropäische Sommerzeit)"),
        # The same hour twice: only the zone's name tells them apart.
        (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), "25. Oktober 2026, 02:30 (Mitteleuropäische Sommerzeit)"),
        (datetime(2026, 10, 25, 1, 30, tzinfo=UTC), "25. Oktober 2026, 02:30 (Mitteleuropäische Normalzeit)"),
    ],
)
def test_the_edges_of_summer_time(moment: datetime, words: str) -> None:
    assert in_customers_words(moment, "de", "Europe/Berlin") == words


def test_the_date_alone_is_the_day_at_the_customers() -> None:
    assert long_date(END, "pt-BR", "America/Sao_Paulo") == "25 de janeiro de 2026"
    assert long_date(END, "pt-BR", "Asia/Tokyo") == "26 de janeiro de 2026"


def test_any_offset_and_none_mean_the_same_moment() -> None:
    expected = in_customers_words(END, "de", "Europe/Berlin")
    assert in_customers_words(END.astimezone(timezone(timedelta(hours=-7))), "de", "Europe/Berlin") == expected
    assert in_customers_words(END.replace(tzinfo=None), "de", "Europe/Berlin") == expected


@pytest.mark.parametrize(
    ("locale", "tag"),
    [
        ("pt-br", "pt-BR"),
        ("de_XX", "de"),
        ("de_DE.UTF-8", "de-DE"),
        ("de-DE-u-co-phonebk", "de-DE"),
        ("zh_Hant_TW", "zh-Hant-TW"),
        *((bad, "en") for bad in (None, "", "xx", "C", "POSIX", "x-klingon", "../etc/passwd", "\x00", "1", "é")),
    ],
)
def test_an_unknown_locale_falls_back_to_its_language_and_then_to_english(locale: str | None, tag: str) -> None:
    assert language_tag(locale) == tag
    assert in_customers_words(END, locale, None)


@pytest.mark.parametrize(
    "time_zone", [None, "", "Mars/Base", "America", "../etc/passwd", "/etc/passwd", "a\x00b", "a" * 5000, "tzdata.zi"]
)
def test_an_unknown_zone_is_utc(time_zone: str | None) -> None:
    assert in_customers_words(END, "de", time_zone) == "26. Januar 2026, 00:00 (Koordinierte Weltzeit)"


def test_the_ends_of_time_are_no_error() -> None:
    assert long_date(datetime.max.replace(tzinfo=UTC), "en", "Asia/Tokyo") == "December 31, 9999"
    assert long_date(datetime.min.replace(tzinfo=UTC), "en", "America/New_York") == "January 1, 1"
