"""Emails to customers: one folder per email, with subject.txt, body.txt and body.html over a shared base."""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from gettext import NullTranslations
from importlib.resources import files
from textwrap import fill
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined, select_autoescape

from email_templates.dates import long_date, long_date_and_time
from email_templates.translations import language_of, translate

# Line breaks and controls could forge a line of text or a header; direction overrides could reverse the text.
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
_LINE = 78  # characters (RFC 5322, 2.1.1)


@dataclass(frozen=True)
class Email:
    """An email to one customer: a subject of one line, and the same message as plain text and as HTML.

    `html` is empty for a plain-text email.
    """

    subject: str
    text: str
    html: str = ""


@dataclass(frozen=True, kw_only=True)
class Draft(ABC):
    """An email's data. `preferences_url`: where the customer chooses how they may be contacted, if anywhere."""

    preferences_url: str | None = None

    @abstractmethod
    def email(self) -> Email:
        """Return the email, ready to send."""


def render(name: str, /, **context: Any) -> Email:
    """Render the email in folder `name`, in the language of the value `locale`.

    Values are escaped in HTML, and kept to one line everywhere. Raises `jinja2.UndefinedError` if the template uses a
    value that `context` lacks, and `jinja2.TemplateNotFound` for an unknown email.
    """
    return replace(render_plain(name, **context), html=_part(name, "body.html", context))


def render_plain(name: str, /, **context: Any) -> Email:
    """Render a plain-text email; see `render`."""
    return Email(
        subject=" ".join(_part(name, "subject.txt", context).split()),
        # Omitted paragraphs leave blank lines.
        text=re.sub(r"\n{3,}", "\n\n", _wrapped(_part(name, "body.txt", context))).strip() + "\n",
    )


def _part(name: str, file: str, context: dict[str, Any]) -> str:
    language = language_of(context.get("locale"))
    values = {key: _one_line(value) for key, value in context.items()}
    template = _environment(language.catalogue, language.start).get_template(f"{name}/{file}")
    text = template.render(values, language=language)
    return text.replace("\u202f", "\u00a0")  # some mail clients show a narrow no-break space as a box


def _wrapped(text: str) -> str:
    """Wrap long lines, as plain-text email does; a URL keeps its line."""
    lines = (fill(line, _LINE, break_long_words=False, break_on_hyphens=False) for line in text.splitlines())
    return "\n".join(lines)


def _one_line(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_one_line, value))
    return _UNPRINTABLE.sub(" ", value) if isinstance(value, str) else value


def _source(path: str) -> str | None:
    file = files(__name__).joinpath(path)
    return file.read_text(encoding="utf-8") if file.is_file() else None


def _machine_readable(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


@cache
def _environment(catalogue: NullTranslations, start: str) -> Environment:
    """Return the environment of one language, whatever the region. `start`: the side where its lines begin."""
    environment = Environment(
        loader=FunctionLoader(_source),
        undefined=StrictUndefined,
        autoescape=select_autoescape(enabled_extensions=("html",), default=False),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Callable[..., str]] = {
        "long_date_and_time": long_date_and_time,
        "long_date": long_date,
        "machine_readable": _machine_readable,
    }
    environment.filters.update(filters)
    environment.globals["start"] = start
    return translate(environment, catalogue)
