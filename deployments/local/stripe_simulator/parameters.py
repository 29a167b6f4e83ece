"""Parameter validation for endpoints, with Stripe's error messages."""

from collections.abc import Callable, Mapping
from typing import Any

from .wire import ApiError, Document

# A kind takes the decoded value and its full name, `items[0][price]`, and returns the typed value.
Kind = Callable[[Any, str], Any]


def _refuse(message: str, name: str, code: str | None = None) -> ApiError:
    return ApiError(message, code=code, param=name, executed=False)


def _must_not_be_empty(raw: Any, name: str) -> None:
    if raw == "":
        raise _refuse(
            f"You passed an empty string for '{name}'. We assume empty values are an attempt to unset a parameter; "
            f"however '{name}' cannot be unset. You should remove '{name}' from your request or supply a non-empty "
            "value.",
            name,
            "parameter_invalid_empty",
        )


def emptyable(kind: Kind) -> Kind:
    """Return a kind that also accepts an empty string, with the value `""`, to clear the parameter."""
    return lambda raw, name: "" if raw == "" else kind(raw, name)


def text(limit: int = 5000) -> Kind:
    """Return a kind for a string of at most `limit` characters."""

    def kind(raw: Any, name: str) -> str:
        _must_not_be_empty(raw, name)
        if not isinstance(raw, str):
            raise _refuse("Invalid string", name)
        if len(raw) > limit:
            raise _refuse(f"Invalid string: {raw[:8]}...{raw[-8:]}; must be at most {limit} characters", name)
        return raw

    return kind


def integer(minimum: int | None = None, maximum: int | None = None) -> Kind:
    """Return a kind for an integer within optional bounds."""

    def kind(raw: Any, name: str) -> int:
        _must_not_be_empty(raw, name)
        try:
            value = int(raw)
        except (TypeError, ValueError):
            raise _refuse(f"Invalid integer: {raw}", name, "parameter_invalid_integer") from None
        if minimum is not None and value < minimum:
            raise _refuse(f"This value must be greater than or equal to {minimum}.", name, "parameter_invalid_integer")
        if maximum is not None and value > maximum:
            raise _refuse(f"This value must be less than or equal to {maximum}.", name, "parameter_invalid_integer")
        return value

    return kind


def decimal(minimum: float, maximum: float) -> Kind:
    """Return a kind for a number between two bounds."""

    def kind(raw: Any, name: str) -> float:
        _must_not_be_empty(raw, name)
        try:
            value = float(raw)
        except (TypeError, ValueError):
            raise _refuse(f"Invalid decimal: {raw}", name) from None
        if not minimum <= value <= maximum:
            raise _refuse(f"Invalid {name}: must be between {minimum:g} and {maximum:g}", name)
        return value

    return kind


def boolean(raw: Any, name: str) -> bool:
    """Return the value of `true` or `false`."""
    _must_not_be_empty(raw, name)
    if raw not in ("true", "false"):
        raise _refuse(f"Invalid boolean: {raw}", name)
    return bool(raw == "true")


def choice(*values: str) -> Kind:
    """Return a kind for one of a few values."""

    def kind(raw: Any, name: str) -> str:
        _must_not_be_empty(raw, name)
        if raw not in values:
            listed = f"{', '.join(values[:-1])}, or {values[-1]}" if len(values) > 2 else " or ".join(values)
            raise _refuse(f"Invalid {name}: must be {'one of ' if len(values) > 1 else ''}{listed}", name)
        return str(raw)

    return kind


def timestamp(*words: str) -> Kind:
    """Return a kind for Unix seconds, or one of a few words such as `now`."""
    number = integer(0)
    return lambda raw, name: raw if raw in words else number(raw, name)


def list_of(kind: Kind) -> Kind:
    """Return a kind for an array whose entries are all of one kind."""

    def several(raw: Any, name: str) -> list[Any]:
        if not isinstance(raw, list):
            raise _refuse("Invalid array", name)
        return [kind(value, f"{name}[{index}]") for index, value in enumerate(raw)]

    return several


def metadata(raw: Any, name: str) -> dict[str, str] | str:
    """Return up to 50 keys; an empty value removes a key, an empty string removes them all."""
    if raw == "":
        return ""
    if not isinstance(raw, dict) or not all(isinstance(value, str) for value in raw.values()):
        raise _refuse("Invalid object", name)
    if len(raw) > 50 or any(len(key) > 40 or len(value) > 500 for key, value in raw.items()):
        raise _refuse("Metadata holds at most 50 keys of 40 characters with values of 500 characters.", name)
    return raw


def time_range(raw: Any, name: str) -> Document:
    """Return a filter on a time: `created=…` or `created[gte]=…`."""
    number = integer(0)
    if isinstance(raw, str):
        return {"eq": number(raw, name)}
    return {bound: number(value, f"{name}[{bound}]") for bound, value in raw.items()}


def unsupported(_raw: Any, name: str) -> Any:
    """Reject a parameter that Stripe has but the simulator does not implement, rather than silently ignore it."""
    raise ApiError(
        f"The Stripe simulator does not implement '{name}'.", status=501, kind="api_error", param=name, executed=False
    )


class Shape:
    """The parameters of an endpoint or of a nested hash, and which of them are required."""

    def __init__(self, fields: Mapping[str, Kind], required: tuple[str, ...] = (), lacking: str = "") -> None:
        self.fields = dict(fields) | dict.fromkeys(lacking.split(), unsupported)
        self.required = required

    def __call__(self, raw: Any, name: str = "") -> Document:
        """Return the typed parameters; raises Stripe's error for the first that is unknown, missing or invalid."""
        if not isinstance(raw, dict):
            raise _refuse("Invalid object", name)
        unknown = [_nested(name, key) for key in raw if key not in self.fields]
        if unknown:
            plural = "s" if len(unknown) > 1 else ""
            message = f"Received unknown parameter{plural}: {', '.join(unknown)}"
            raise _refuse(message, unknown[0], "parameter_unknown")
        for key in self.required:
            if key not in raw:
                missing = _nested(name, key)
                raise _refuse(f"Missing required param: {missing}.", missing, "parameter_missing")
        return {key: self.fields[key](value, _nested(name, key)) for key, value in raw.items()}


def _nested(name: str, key: str) -> str:
    return f"{name}[{key}]" if name else key


EXPAND: dict[str, Kind] = {"expand": list_of(text())}
PAGE: dict[str, Kind] = EXPAND | {
    "limit": integer(1, 100),
    "starting_after": text(),
    "ending_before": text(),
    "created": time_range,
}

RETRIEVE = Shape(EXPAND)


def within(value: int | None, bounds: Document | None) -> bool:
    """Return whether a time satisfies a `time_range`."""
    if bounds is None:
        return True
    if value is None:
        return False
    tests = {
        "eq": lambda limit: value == limit,
        "gt": lambda limit: value > limit,
        "gte": lambda limit: value >= limit,
        "lt": lambda limit: value < limit,
        "lte": lambda limit: value <= limit,
    }
    return all(tests[bound](limit) for bound, limit in bounds.items())


def merged(old: dict[str, str], new: dict[str, str] | str | None) -> dict[str, str]:
    """Return the metadata after an update."""
    if new is None:
        return old
    if isinstance(new, str):
        return {}
    return {key: value for key, value in (old | new).items() if value != ""}
