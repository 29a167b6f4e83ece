"""Parser for the data deletion plan (WF-056): one SQL file per table, run in the order of the file names.

A file has a header and one statement, in which `$1` is the user's id as text (`$1::uuid` where a table of your own has
another type):

    -- table: orders            (or `-- outside: name` for data in another system)
    -- goes: what is deleted    (or `-- keep: what is kept`; the statement then selects the ids of the rows kept)
    -- ground: the legal basis
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

_HEADER = re.compile(r"^-- (table|outside|goes|keep|ground): *(\S.*?) *$", re.MULTILINE)
_COMMENT = re.compile(r"^\s*--.*$", re.MULTILINE)


class DeletionPlanInvalid(ValueError):
    """A file of the plan is invalid; the message names it and gives the reason."""


@dataclass(frozen=True)
class Step:
    """A step of the plan, for one table. `name` is the file's; `table` is None for data kept outside this database."""

    name: str
    table: str | None
    kept: bool
    what: str
    ground: str
    statement: str


def read_plan(further: Path | None = None) -> list[Step]:
    """Return the built-in steps and those of the company's folder. Raises `DeletionPlanInvalid`."""
    folders: list[Traversable] = [files("sql").joinpath("data_deletion")]
    if further is not None:
        if not further.is_dir():
            raise DeletionPlanInvalid(f"{further} is not a folder")
        folders.append(further)
    steps = [
        _step(file.name.removesuffix(".sql"), file.read_text(encoding="utf-8"))
        for folder in folders
        for file in folder.iterdir()
        if file.name.endswith(".sql")
    ]
    _refuse_twice(step.name for step in steps)
    _refuse_twice(step.table for step in steps if step.table)
    return sorted(steps, key=lambda step: step.name)


def _step(name: str, text: str) -> Step:
    header = dict(_HEADER.findall(text))
    where, does = header.keys() & {"table", "outside"}, header.keys() & {"goes", "keep"}
    if len(where) != 1 or len(does) != 1 or "ground" not in header:
        raise DeletionPlanInvalid(
            f"{name}.sql needs `-- table:` or `-- outside:`, `-- goes:` or `-- keep:`, `-- ground:`"
        )
    if "outside" in header and "goes" in header:
        raise DeletionPlanInvalid(f"{name}.sql: a statement cannot delete outside this database")
    statement = _COMMENT.sub("", text).strip().removesuffix(";")
    if not statement or ";" in statement or "$1" not in statement:
        raise DeletionPlanInvalid(f"{name}.sql must hold one statement, about the user $1")
    what = header.get("goes") or header["keep"]
    if "outside" in header:
        what = f"{header['outside']}: {what}"
    return Step(name, header.get("table"), "keep" in header, what, header["ground"], statement)


def _refuse_twice(names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise DeletionPlanInvalid(f"{name} is in the plan twice")
        seen.add(name)
