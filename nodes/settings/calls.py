"""Settings of calls to customers who cancelled."""

import re
from typing import Annotated

from pydantic import Field, FilePath, field_validator
from pydantic_settings import NoDecode

from nodes.settings.group import SettingsGroup, named_values

_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class CallSettings(SettingsGroup):
    """The script of calls."""

    call_script: FilePath | None = Field(
        default=None, description="your script for calls, a Jinja template; without it, the default one"
    )
    call_script_fields: Annotated[dict[str, str], NoDecode] = Field(
        default={},
        description="NAME=VALUE, comma-separated: what fills the script's own placeholders, as agentName=Robin",
    )

    @field_validator("call_script_fields", mode="before")
    @classmethod
    def _by_name(cls, given: object) -> object:
        if not isinstance(given, str):
            return given
        pairs = named_values(given)
        if not all(_FIELD.fullmatch(name) and value.strip() for name, value in pairs):
            raise ValueError("CALL_SCRIPT_FIELDS must read NAME=VALUE, comma-separated")
        if len(dict(pairs)) < len(pairs):
            raise ValueError("CALL_SCRIPT_FIELDS names a placeholder twice")
        return {name: value.strip() for name, value in pairs}
