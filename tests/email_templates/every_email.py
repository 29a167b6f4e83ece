"""Every email in the variants that its texts depend on, built from the fields of its dataclass."""

import importlib
import pkgutil
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import product
from typing import Any, Protocol, get_args, get_type_hints

import email_templates
from email_templates import Email

AT = datetime(2026, 1, 26, tzinfo=UTC)
# The requests that an email may be about, where its dataclass has only `str`.
WORDS = {
    "asked_for": ("cancellation", "discount", "reactivation", "change"),
    "kind": ("payment_failed", "payment_disputed", "neutral"),
}
# The values that are never missing for a kind of change.
NEEDED: dict[str, dict[str, Any]] = {"plan_change": {"new_plan": "123"}, "trial_extension": {"trial_ends_at": AT}}


class Written(Protocol):
    """An email's data."""

    def email(self) -> Email: ...


def every_email(locale: str) -> Iterator[tuple[str, Written]]:
    """Yield each email with its name: with all values and without the optional ones, and with each flag by itself."""
    for folder in pkgutil.iter_modules(email_templates.__path__):
        if not folder.ispkg:
            continue
        module = importlib.import_module(f"email_templates.{folder.name}")
        [kind] = [each for each in vars(module).values() if getattr(each, "__module__", "") == module.__name__]
        for data in _variants(kind, locale):
            yield folder.name, kind(**data)


def _variants(kind: Any, locale: str) -> Iterator[dict[str, Any]]:
    types = get_type_hints(kind)
    flags = [name for name, each in types.items() if each is bool]
    for filled, raised in product((True, False), [[], flags, *([flag] for flag in flags)]):
        given = {"locale": locale, "time_zone": "UTC", **{flag: flag in raised for flag in flags}}
        options = {name: (given[name],) if name in given else _options(name, types[name], filled) for name in types}
        for values in product(*options.values()):
            data = dict(zip(options, values, strict=True))
            yield data | NEEDED.get(str(data.get("kind")), {})


def _options(name: str, kind: Any, filled: bool) -> tuple[Any, ...]:
    """Return the values of a field. Texts have no letters, so that each letter in an email is a text of ours."""
    parts = get_args(kind) or (kind,)
    if all(isinstance(part, str) for part in parts):  # Literal
        return parts
    if type(None) in parts and not filled:
        return (None,)
    if name in WORDS:
        return WORDS[name]
    if name == "interval":
        return tuple((unit, count) for unit in ("day", "week", "month", "year") for count in (1, 3))
    if datetime in parts:
        return (AT,)
    return (f"https://example.com/{name}",) if "url" in name else ("123",)
