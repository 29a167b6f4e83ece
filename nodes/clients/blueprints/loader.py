"""Loader for blueprints: a folder of YAML files, or a published version of one."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nodes.clients.blueprints.audiences import Audience, Audiences
from nodes.clients.blueprints.checks import TEXTS, Checks, Known
from nodes.clients.yaml_files import DEFAULTS, Wrong, line_of, listed, parse, text_of
from nodes.errors import CancelflowError
from nodes.rules.blueprints.blueprint import Blueprint, Reason, Step, StepKind
from nodes.rules.blueprints.facts import Attribute, Facts, Ignored, Value, known_attributes, typed
from nodes.rules.texts import as_texts

ATTRIBUTES = "attributes.yaml"

Files = dict[str, str]  # a file's text, by its name


class BlueprintsInvalid(CancelflowError):
    """The blueprints can't be used; the message says why, for each file and line."""


@dataclass(frozen=True)
class Choice:
    """The blueprint for a subscription. `attributes`: its figures, without defaults. `ignored`: to be recorded."""

    blueprint: Blueprint
    attributes: Mapping[str, Value] = field(repr=False)
    ignored: tuple[Ignored, ...]


@dataclass(frozen=True)
class BlueprintSet:
    """All blueprints of a version, in the order in which their audiences are tried; 0 is the default set.

    The last one has no audience, and is for everyone else.
    """

    version: int
    files: Files
    blueprints: tuple[Blueprint, ...]
    attributes: Mapping[str, Attribute]
    audiences: Mapping[str, Audience] = field(compare=False)

    def blueprint(self, name: str) -> Blueprint | None:
        """Return the blueprint with this name."""
        return next((each for each in self.blueprints if each.name == name), None)

    def choose(self, facts: Facts) -> Choice:
        """Return the first blueprint whose audience has this subscription, with what was ignored."""
        known, ignored = known_attributes(self.attributes, facts)
        for each in self.blueprints:
            matches = each.audience is None or self.audiences[each.name].matches(facts, known)
            if matches:
                break
            if matches is None:
                ignored.append(Ignored(each.name, "its audience can't be evaluated"))
        return Choice(each, known, tuple(ignored))

    @property
    def reasons(self) -> dict[str, Reason]:
        """The reasons of all blueprints, by code."""
        return {code: reason for each in self.blueprints for code, reason in each.reasons.items()}


def files_in(folder: Path | None = None) -> Files:
    """Return the YAML files of the company's folder, or of the default one. Raises `FileUnreadable`."""
    found = (folder or DEFAULTS.joinpath("blueprints")).iterdir()
    wanted = sorted((file for file in found if file.name.endswith((".yaml", ".yml"))), key=lambda file: file.name)
    return {file.name: text_of(file, "BLUEPRINTS") for file in wanted}


def read_blueprints(
    files: Files,
    version: int = 0,
    *,
    folder: Path | None = None,
    offers: Collection[str] | None = None,
    known: Mapping[str, Known] | None = None,
) -> BlueprintSet:
    """Return the set that the files hold. Raises `BlueprintsInvalid`.

    Args:
        files: by name.
        version: as which they are published.
        folder: from which they were read, for error messages.
        offers: the ids of the catalogue's offers, to refuse others; None if they were checked before.
        known: the reasons published so far, by code, which keep their meaning.
    """
    documents, wrong = _parsed(files)
    _refuse(wrong, folder)
    declared = documents.pop(ATTRIBUTES, {})
    attributes = {name: Attribute(each["type"], _default(each)) for name, each in declared.items()}
    audiences = Audiences(attributes)
    wrong = Checks(attributes, audiences, offers, known or {}).wrong_in(documents)
    _refuse({ATTRIBUTES: [*_wrong_defaults(declared)], **wrong}, folder)
    if not documents:
        raise BlueprintsInvalid(f"{folder or 'The set'} has no blueprint: add one, such as default.yaml")
    found = [_blueprint(name.removesuffix(".yaml"), document) for name, document in documents.items()]
    return BlueprintSet(
        version,
        files,
        tuple(sorted(found, key=lambda each: each.audience is None)),
        attributes,
        {each.name: audiences.audience(each.audience) for each in found if each.audience},
    )


def _refuse(wrong: Mapping[str, list[Wrong]], folder: Path | None) -> None:
    lines = [line for name, each in wrong.items() for line in listed(folder / name if folder else name, each)]
    if lines:
        raise BlueprintsInvalid("\n".join(["The blueprints cannot be used:", *lines]))


def _parsed(files: Files) -> tuple[dict[str, Any], dict[str, list[Wrong]]]:
    schemas = {ATTRIBUTES: "blueprints/attributes.schema.json"}
    read = {
        name: parse(text, schemas.get(name, "blueprints/blueprint.schema.json")) for name, text in sorted(files.items())
    }
    return {name: document for name, (document, _) in read.items()}, {name: wrong for name, (_, wrong) in read.items()}


def _wrong_defaults(declared: Any) -> Iterator[Wrong]:
    for name, each in declared.items():
        if "default" in each and _default(each) is None:
            yield line_of(declared, [name, "default"]), f"{name}: the default is not a {each['type']}"


def _default(declared: Mapping[str, Any]) -> Value | None:
    return typed(declared.get("default"), declared["type"])


def _blueprint(name: str, document: Mapping[str, Any]) -> Blueprint:
    audience = document.get("audience")
    return Blueprint(name, tuple(map(_step, document["steps"])), str(audience) if audience else None)


def _step(document: Mapping[StepKind, Mapping[str, Any] | None]) -> Step:
    [(kind, given)] = document.items()
    step = given or {}
    limits = {key: step[key] for key in ("required", "min_length") if key in step}
    reasons = tuple(map(_reason, step.get("reasons", ())))
    return Step(kind, **_texts(step), **limits, reasons=reasons, offers=_offers(step))


def _reason(given: Mapping[str, Any]) -> Reason:
    names = ("code", "meaning", "stripe", "feedback_option")
    named: dict[str, Any] = {key: str(given[key]) for key in names if key in given}
    return Reason(**named, **_texts(given), offers=_offers(given))


def _texts(holder: Mapping[str, Any]) -> dict[str, Any]:
    return {key: as_texts(holder[key]) for key in TEXTS if key in holder}


def _offers(holder: Mapping[str, Any]) -> tuple[str, ...] | None:
    return tuple(map(str, holder["offers"])) if "offers" in holder else None
