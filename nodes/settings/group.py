"""Read a group of settings from the environment. Secrets are `SecretStr`: their repr is masked."""

from typing import TypeVar

from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from nodes.errors import SettingsInvalid


class SettingsGroup(BaseSettings):
    """The base of every group: plain upper-case names, unknown names ignored, no value ever shown."""

    model_config = SettingsConfigDict(extra="ignore", hide_input_in_errors=True, env_ignore_empty=True)


Group = TypeVar("Group", bound=SettingsGroup)


def load(group: type[Group]) -> Group:
    """Read one group; raises `SettingsInvalid`, which names every missing or invalid setting."""
    try:
        return group()
    except ValidationError as error:
        raise SettingsInvalid(_explained(group, error)) from None


def _explained(group: type[SettingsGroup], error: ValidationError) -> str:
    lines = []
    for problem in error.errors(include_input=False, include_url=False):
        if problem["type"] == "value_error":  # from a validator above, whose message names the setting
            lines.append(problem["msg"].removeprefix("Value error, "))
            continue
        name = str(problem["loc"][0])
        what = "is not set" if problem["type"] == "missing" else f"is wrong: {problem['msg']}"
        lines.append(f"{name.upper()} {what} ({group.model_fields[name].description})")
    return "Settings:\n  " + "\n  ".join(lines)


def named_values(given: str) -> list[tuple[str, str]]:
    """Return the pairs in `NAME=VALUE, NAME=VALUE`; a part without `=` is a name with an empty value."""
    parts = [each.strip().partition("=") for each in given.split(",") if each.strip()]
    return [(name, value) for name, _, value in parts]
