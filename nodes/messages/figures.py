"""The figures in a company's texts, as customers read them (FEATURES F24)."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time

from babel.numbers import format_decimal

from email_templates.dates import long_date
from email_templates.languages import message_locale
from nodes.rules.blueprints.facts import Value


def figures(attributes: Mapping[str, Value], locale: str | None) -> dict[str, str]:
    """Return each attribute that has a value as text: `1,280`, `December 24, 2026`."""
    return {name: _figure(value, locale) for name, value in attributes.items() if not isinstance(value, bool)}


def _figure(value: Value, locale: str | None) -> str:
    if isinstance(value, date):
        return long_date(datetime.combine(value, time(), UTC), locale, None)
    return value if isinstance(value, str) else format_decimal(value, locale=message_locale(locale))
