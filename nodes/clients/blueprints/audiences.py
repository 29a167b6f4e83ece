"""Audiences: CEL expressions (https://cel.dev) over a subscription's facts, by the implementation of CEL's authors."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from cel_expr_python import cel

from nodes.rules.blueprints.facts import Attribute, AttributeType, Facts, Value

_TYPES: dict[AttributeType, cel.Type] = {
    "number": cel.Type.DOUBLE,
    "string": cel.Type.STRING,
    "boolean": cel.Type.BOOL,
    "date": cel.Type.TIMESTAMP,
}
_TEXTS = ("plan", "price", "interval", "currency", "country", "language")
_COUNTS = ("tenure", "value")
_METADATA = ("customer.metadata", "subscription.metadata")
_ERROR = re.compile(r"ERROR: <input>:(?P<line>\d+):(?P<column>\d+): (?P<what>.*)")


class AudienceInvalid(ValueError):
    """An expression that can't be an audience. `line`: of the expression, from 1."""

    def __init__(self, line: int, what: str) -> None:
        super().__init__(what)
        self.line = line


@dataclass(frozen=True)
class Audience:
    """A checked expression."""

    _expression: cel.Expression
    _attributes: Mapping[str, Attribute]

    def matches(self, facts: Facts, known: Mapping[str, Value]) -> bool | None:
        """Return whether a subscription belongs to it; None if that can't be said. Never raises (FEATURES F28).

        `known`: the attributes that have a value; the others have their default. An expression that needs an attribute
        or a metadata key that is missing can't be evaluated. CEL's own limit on iterations ends what takes long.
        """
        try:
            found = self._expression.eval(data=dict(_variables(facts, known, self._attributes))).value()
        except Exception:  # whatever the library does with a customer's values, they can still cancel
            return None
        return found if isinstance(found, bool) else None


class Audiences:
    """The expressions that are possible with these declared attributes."""

    def __init__(self, attributes: Mapping[str, Attribute]) -> None:
        self._attributes = attributes
        types = dict.fromkeys(_TEXTS, cel.Type.STRING) | dict.fromkeys(_COUNTS, cel.Type.INT)
        types |= dict.fromkeys(_METADATA, cel.Type.Map(cel.Type.STRING, cel.Type.STRING))
        types |= {f"attributes.{name}": _TYPES[each.type] for name, each in attributes.items()}
        # CEL compares an integer with a decimal number when it evaluates, but its checker allows it only where it is
        # declared, and the evaluation only where it is not.
        self._checking = cel.NewEnv(variables=types, extensions=[cel.CelExtension("numbers", list(_comparisons()))])
        self._evaluating = cel.NewEnv(variables=types)
        self._evaluating.compile("true")  # an environment learns its variables' types when it first compiles

    def audience(self, expression: str) -> Audience:
        """Return the audience; raises `AudienceInvalid` for syntax, unknown names, types, and what isn't a boolean."""
        try:
            checked = self._checking.compile(expression)
            if checked.return_type() != cel.Type.BOOL:
                raise AudienceInvalid(1, f"it is of type {checked.return_type().name().lower()}, not bool")
            return Audience(self._evaluating.deserialize(checked.serialize()), self._attributes)
        except RuntimeError as error:
            raise _explained(str(error)) from None


def _variables(
    facts: Facts, known: Mapping[str, Value], declared: Mapping[str, Attribute]
) -> Iterator[tuple[str, object]]:
    yield from ((name, getattr(facts, name)) for name in (*_TEXTS, *_COUNTS))
    yield "customer.metadata", dict(facts.customer_metadata)
    yield "subscription.metadata", dict(facts.subscription_metadata)
    for name, attribute in declared.items():
        value = known.get(name, attribute.default)
        if isinstance(value, date):
            value = datetime.combine(value, time(), UTC)
        if value is not None:
            yield f"attributes.{name}", value


def _comparisons() -> Iterator[cel.FunctionDecl]:
    kinds = {
        "<": "less",
        "<=": "less_equals",
        ">": "greater",
        ">=": "greater_equals",
        "==": "equals",
        "!=": "not_equals",
    }
    both = ((cel.Type.DOUBLE, cel.Type.INT), (cel.Type.INT, cel.Type.DOUBLE))
    for operator, name in kinds.items():
        overloads = [cel.Overload(f"{name}_{a.name()}_{b.name()}", cel.Type.BOOL, [a, b]) for a, b in both]
        yield cel.FunctionDecl(f"_{operator}_", overloads)


def _explained(message: str) -> AudienceInvalid:
    found = _ERROR.search(message)
    if found is None:
        return AudienceInvalid(1, message.removesuffix("]").rpartition(" [")[0] or message)
    what = found["what"].removesuffix(" (in container '')")
    return AudienceInvalid(int(found["line"]), f"{what} (column {found['column']})")
