"""Loader for the script of calls: the company's file, or the default one, with its placeholders filled."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from jinja2 import TemplateError, TemplateSyntaxError, meta
from jinja2.sandbox import SandboxedEnvironment

from nodes.clients.yaml_files import DEFAULTS, text_of
from nodes.errors import SettingsInvalid
from nodes.rules.calls.script import wrong_in

# A name and dates as long as real ones get, because a voicemail has to fit for everybody.
DYNAMIC = {
    "firstName": "Maximiliane",
    "lastName": "Featherstonehaugh",
    "accessEndsAt": "September 30, 2027",
    "dataDeletedAt": "September 30, 2027",
}
# Some customers have one name or none, for which a template may say something else.
NAMES: tuple[dict[str, str], ...] = ({}, {"lastName": ""}, {"firstName": "", "lastName": ""})


class CallScriptInvalid(SettingsInvalid):
    """The script must not be used for calls; the message has a line for each reason."""


@dataclass(frozen=True)
class CallScript:
    """A script that was checked. `fields`: what is the same for every customer."""

    text: str
    fields: Mapping[str, str]

    def render(self, customer: Mapping[str, str]) -> str:
        """Return the script for one customer, whose values are those that `DYNAMIC` names."""
        return _jinja().from_string(self.text).render({**self.fields, **customer})


def read_call_script(file: Path | None, fields: Mapping[str, str]) -> CallScript:
    """Read and check the script in CALL_SCRIPT, or the default one. Raises `CallScriptInvalid`."""
    source = file or DEFAULTS.joinpath("call_script.jinja")
    text = text_of(source, "CALL_SCRIPT")
    found = CallScript(text, fields)
    wrong = _unfilled(text, fields) or _said(found)
    if wrong:
        lines = [f"{source}:{number}: {what}" if number else f"{source}: {what}" for number, what in wrong]
        raise CallScriptInvalid("CALL_SCRIPT:\n  " + "\n  ".join(lines))
    return found


def _unfilled(text: str, fields: Mapping[str, str]) -> list[tuple[int | None, str]]:
    """Return the placeholders without a value, each with its line (FEATURES A19)."""
    try:
        used = meta.find_undeclared_variables(_jinja().parse(text))
    except TemplateSyntaxError as error:
        return [(error.lineno, error.message or "this is no template")]
    missing = sorted(name for name in used if name not in DYNAMIC and not fields.get(name, "").strip())
    return [
        (
            _line_of(text, name),
            f"'{name}' has no value: add {name}=… to CALL_SCRIPT_FIELDS, or use one of {', '.join(DYNAMIC)}",
        )
        for name in missing
    ]


def _said(script: CallScript) -> list[tuple[int | None, str]]:
    """Return what is wrong for the first names for which anything is, because a line that they share has one number."""
    try:
        return next((wrong for names in NAMES if (wrong := wrong_in(script.render({**DYNAMIC, **names})))), [])
    except TemplateError as error:
        return [(None, error.message or "the template can't be rendered")]


def _line_of(text: str, name: str) -> int | None:
    found = re.search(rf"\{{[{{%][^}}]*\b{re.escape(name)}\b", text)
    return text.count("\n", 0, found.start()) + 1 if found else None


def _jinja() -> SandboxedEnvironment:
    # Spoken text, not HTML: an apostrophe in a name stays one. The sandbox keeps a template to its values.
    return SandboxedEnvironment(autoescape=False, keep_trailing_newline=True)
