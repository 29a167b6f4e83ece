"""Loader for the file with the texts that a company asks for consent with."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nodes.clients.yaml_files import Wrong, line_of, listed, parse, text_of
from nodes.errors import SettingsInvalid
from nodes.rules.consents import Wording
from nodes.rules.texts import as_texts


class WordingsInvalid(SettingsInvalid):
    """The file is invalid, or changes what was published; the message says where and what is expected."""


def read_wordings(file: Path) -> list[Wording]:
    """Return each text of the file. Raises `FileUnreadable` and `WordingsInvalid`."""
    document, wrong = parse(text_of(file, "consents publish"), "consents.schema.json")
    if wrong := wrong or [*_twice(document)]:
        raise WordingsInvalid("\n".join(["The wordings cannot be used:", *listed(file, wrong)]))
    return [
        Wording(str(each["channel"]), int(each["version"]), language, text.strip())  # type: ignore[arg-type]
        for each in document["wordings"]
        for language, text in as_texts(each["text"]).items()
    ]


def _twice(document: Any) -> Iterator[Wrong]:
    """Yield each version that is there twice."""
    seen: set[tuple[str, int]] = set()
    for place, each in enumerate(document["wordings"]):
        version = (each["channel"], each["version"])
        if version in seen:
            yield line_of(document, ["wordings", place]), f"{version[0]} has version {version[1]} twice"
        seen.add(version)
