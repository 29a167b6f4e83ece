"""The README of the cancel page: its example opens the page, and it names every setting and claim."""

import re
from typing import Any

import pytest
from pydantic import AliasChoices

from nodes.sessions.claims import DynamicDiscount, DynamicPlanChange, Localization, SessionClaims
from nodes.settings import CancelPageSettings, load
from tests.cancel_page.visitor import Visitor
from tests.test_architecture import ROOT
from tests.world import World

README = (ROOT / "deployments" / "http" / "pages" / "cancel" / "README.md").read_text(encoding="utf-8")


def test_the_example_in_python_opens_the_page(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    [(key_id, secret)] = load(CancelPageSettings).session_secrets.items()
    monkeypatch.setenv("SESSION_SECRET", secret.get_secret_value())
    [example] = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    found: dict[str, Any] = {}
    exec(example.replace('"k1"', repr(key_id)), found)
    url = found["cancel_url"](world.person("professional").user_id)
    with Visitor(world) as visitor:
        visitor.open(url.partition("token=")[2])
        assert visitor.title == "What's your main reason for cancelling?"


def test_every_setting_is_documented() -> None:
    assert [name for name in CancelPageSettings.model_fields if f"| `{name.upper()}` |" not in README] == []


@pytest.mark.parametrize("claims", [SessionClaims, Localization, DynamicDiscount, DynamicPlanChange])
def test_every_claim_is_documented(claims: Any) -> None:
    for name, field in claims.model_fields.items():
        alias = field.validation_alias or field.alias
        names = [name, *(alias.choices if isinstance(alias, AliasChoices) else [alias])]
        assert any(re.search(rf"\b{each}\b", README) for each in names), name
