"""What the schemas of blueprints can't say: audiences, figures, ids of offers, and reasons that keep their meaning."""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from ruamel.yaml.scalarstring import ScalarString

from nodes.clients.blueprints.audiences import AudienceInvalid, Audiences
from nodes.clients.yaml_files import Wrong, line_of
from nodes.rules.blueprints.blueprint import figures_in
from nodes.rules.blueprints.facts import Attribute
from nodes.rules.blueprints.screens import MAX_OFFER_SCREENS
from nodes.rules.texts import as_texts
from nodes.rules.ways_to_stay import Kind

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}\.yaml")
_KINDS = get_args(Kind)
TEXTS = ("title", "description", "fallback", "placeholder", "label", "follow_up")

Documents = Mapping[str, Any]  # by their file's name
Path = list[str | int]


@dataclass(frozen=True)
class Known:
    """A reason's meaning, Stripe's code and its option, as they were first published. `where`: for error messages."""

    meaning: str
    stripe: str
    where: str
    feedback_option: str | None = None


@dataclass(frozen=True)
class Checks:
    """What blueprints are checked against. `offers`: the ids in the catalogue; None if any will do."""

    attributes: Mapping[str, Attribute]
    audiences: Audiences
    offers: Collection[str] | None
    known: Mapping[str, Known]

    def wrong_in(self, documents: Documents) -> dict[str, list[Wrong]]:
        """Return what is wrong in blueprints that fit their schema, by file."""
        wrong: dict[str, list[Wrong]] = defaultdict(list)
        for name, each in _wrong_names(documents):
            wrong[name].append(each)
        known = dict(self.known)
        options = {code: each.feedback_option for code, each in known.items() if each.feedback_option}
        for name, document in documents.items():
            wrong[name] += _wrong_audience(document, self.audiences)
            wrong[name] += _wrong_steps(document)
            wrong[name] += _wrong_reasons(document, known, name)
            wrong[name] += _wrong_options(document, options)
            for path, holder in _holders(document):
                wrong[name] += self._wrong_offers(document, path, holder)
                wrong[name] += self._wrong_figures(document, path, holder)
        return wrong

    def _wrong_offers(self, document: Any, path: Path, holder: Any) -> Iterator[Wrong]:
        for number, name in enumerate(holder.get("offers", ())):
            if self.offers is not None and name not in _KINDS and name not in self.offers:
                what = f"the catalogue has no offer {name}; expected one of its ids, or {', '.join(_KINDS)}"
                yield line_of(document, [*path, "offers", number]), what

    def _wrong_figures(self, document: Any, path: Path, holder: Any) -> Iterator[Wrong]:
        texts = [(key, text) for key in TEXTS for text in as_texts(holder.get(key, {})).values()]
        for key, name in ((key, name) for key, text in texts for name in sorted(figures_in(text))):
            attribute = self.attributes.get(name)
            if key != "description" or path[-1] != "offer":
                what = "only the description of an offer can have figures"
            elif attribute is None or attribute.type == "boolean":
                what = "attributes.yaml must declare it as a number, string or date"
            elif "fallback" not in holder:
                what = "it needs a fallback, for customers without this figure"
            else:
                continue
            yield line_of(document, [*path, key]), f"{{{name}}}: {what}"


def _holders(document: Any) -> Iterator[tuple[Path, Any]]:
    """Yield each step and each reason, with its path."""
    for place, item in enumerate(document["steps"]):
        [(kind, step)] = item.items()
        yield ["steps", place, kind], step or {}
        for number, reason in enumerate((step or {}).get("reasons", ())):
            yield ["steps", place, kind, "reasons", number], reason


def _wrong_names(documents: Documents) -> Iterator[tuple[str, Wrong]]:
    """Yield each file name that can't be a blueprint's; exactly one blueprint is for everyone else."""
    everyone = [name for name, document in documents.items() if "audience" not in document]
    for name in documents:
        if not _NAME.fullmatch(name):
            yield name, (1, "name the file with a-z, 0-9, - and _, and the ending .yaml")
    for name in everyone[1:]:
        yield name, (1, f"it is for everyone, as {everyone[0]} is: give one of them an audience")
    if documents and not everyone:
        [*_, (name, document)] = documents.items()
        yield name, (line_of(document, ["audience"]), "one blueprint must have no audience: it is for everyone else")


def _wrong_audience(document: Any, audiences: Audiences) -> Iterator[Wrong]:
    if expression := document.get("audience"):
        try:
            audiences.audience(expression)
        except AudienceInvalid as error:
            is_block = isinstance(expression, ScalarString)  # which begins on the line after its key
            yield line_of(document, ["audience"]) + (error.line if is_block else 0), f"audience: {error}"


def _wrong_steps(document: Any) -> Iterator[Wrong]:
    count: Counter[str] = Counter()
    for place, item in enumerate(document["steps"]):
        [kind] = item
        count[kind] += 1
        if count[kind] > (MAX_OFFER_SCREENS if kind == "offer" else 1):
            yield line_of(document, ["steps", place, kind]), f"there can't be {count[kind]} {kind} steps"


def _wrong_reasons(document: Any, known: dict[str, Known], file: str) -> Iterator[Wrong]:
    """Yield each code that is used twice or meant something else before; add the others to those known."""
    codes: set[str] = set()
    for path, reason in ((path, holder) for path, holder in _holders(document) if "reasons" in path):
        code = reason["code"]
        if code in codes:
            yield line_of(document, [*path, "code"]), f"there are two reasons with the code {code}"
        codes.add(code)
        before = known.setdefault(code, Known(reason["meaning"], reason["stripe"], f"in {file}"))
        for key, was in (("meaning", before.meaning), ("stripe", before.stripe)):
            if reason[key] != was:
                what = f'{code} has another {key} {before.where}, "{was}": keep it, or use another code'
                yield line_of(document, [*path, key]), what


def _wrong_options(document: Any, options: dict[str, str]) -> Iterator[Wrong]:
    """Yield each feedback option that isn't its code's own; add the others to the options of the codes known."""
    for path, reason in ((path, holder) for path, holder in _holders(document) if "feedback_option" in holder):
        code, option = reason["code"], reason["feedback_option"]
        owner = next((each for each, its_own in options.items() if its_own == option), code)
        before = options.setdefault(code, option)
        if owner != code:
            what = f"{option} is the feedback option of {owner}: create another one in Stripe for {code}"
            yield line_of(document, [*path, "feedback_option"]), what
        elif before != option:
            what = f"{code} has the feedback option {before}: keep it, leave it out, or use another code"
            yield line_of(document, [*path, "feedback_option"]), what
