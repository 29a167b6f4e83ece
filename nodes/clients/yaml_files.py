"""A company's YAML files: checked against the JSON Schemas published beside the defaults, line by line.

https://json-schema.org/draft/2020-12
"""

import json
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.exceptions import best_match
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from nodes.errors import SettingsInvalid

DEFAULTS = files("deployments").joinpath("defaults")

Wrong = tuple[int, str]  # a line, counted from 1, and what is wrong there


class FileUnreadable(SettingsInvalid):
    """A setting names a file that can't be read; the message names both."""


def text_of(file: Path | Traversable, setting: str) -> str:
    """Return the text of the file that a setting names. Raises `FileUnreadable`."""
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FileUnreadable(f"{setting}: {file} cannot be read ({type(error).__name__})") from None


def parse(text: str, schema: str) -> tuple[Any, list[Wrong]]:
    """Return the document and everything in it that a schema, named by its file in defaults/, refuses."""
    try:
        document = YAML().load(text)
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        return None, [(line, f"this is not YAML: {error.problem}")]
    except YAMLError as error:
        return None, [(1, f"this is not YAML ({type(error).__name__})")]
    return document, [_against_schema(error, document) for error in _schema(schema).iter_errors(document)]


def line_of(document: Any, path: Sequence[str | int]) -> int:
    """Return the line of the path's last part, or of the last part that has a line."""
    line, holder = 0, document
    for part in path:
        try:
            line = holder.lc.item(part)[0] if isinstance(holder, CommentedSeq) else holder.lc.key(part)[0]
            holder = holder[part]
        except (KeyError, AttributeError, TypeError):
            break
    return line + 1


def listed(file: object, wrong: Iterable[Wrong]) -> list[str]:
    """Return a line for each thing that is wrong in a file, in order."""
    return [f"  {file}:{line}: {what}" for line, what in sorted(wrong)]


@cache
def _schema(name: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads(DEFAULTS.joinpath(name).read_text(encoding="utf-8")))


def _against_schema(error: ValidationError, document: Any) -> Wrong:
    """Return the line and explanation of a schema error; of several alternatives, of the most likely one."""
    error = best_match([error])
    path = list(error.absolute_path)
    where = ".".join(map(str, path)) or "the file"
    if error.validator == "additionalProperties":
        [key, *_] = sorted(map(str, set(error.instance) - set(error.schema.get("properties", {}))))
        expected = ", ".join(error.schema.get("properties", {}))
        return line_of(document, [*path, key]), f"{where} has no {key!r}; expected: {expected}"
    of_a_key = [error.instance] if "propertyNames" in error.absolute_schema_path else []
    return line_of(document, [*path, *of_a_key]), f"{where}: {error.message}"
