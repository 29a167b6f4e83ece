"""The README of the component's API: its example in Python makes a token that works."""

import re
from typing import Any

import pytest

from nodes.settings import CancelPageSettings, load
from tests.sdk.component import Component
from tests.test_architecture import ROOT
from tests.world import World

README = (ROOT / "deployments" / "http" / "sdk" / "README.md").read_text(encoding="utf-8")


def test_the_example_in_python_opens_a_session(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    [(key_id, secret)] = load(CancelPageSettings).session_secrets.items()
    monkeypatch.setenv("SESSION_SECRET", secret.get_secret_value())
    [indented] = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    example = re.sub(r"^   ", "", indented, flags=re.MULTILINE).replace('"k1"', f'"{key_id}"')
    names: dict[str, Any] = {}
    exec(example, names)

    person = world.person("professional")
    shown = Component(world.addresses["sdk_base"], names["component_token"](person.user_id))
    assert shown.flow()["customer"]["id"] == person.user_id


def test_every_address_is_described() -> None:
    for address in (
        "cancel-flow/config",
        "actions/discount",
        "/pause",
        "/change-plan",
        "/extend-trial",
        "actions/cancel",
    ):
        assert address in README
    assert "/api/sessions/sdk" in README
