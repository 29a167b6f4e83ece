"""The published schema and the page for receivers name exactly the events and settings that exist."""

import json
import re
import time
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import SecretStr
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from nodes.clients.hooks import signed
from nodes.rules.webhook_events import WEBHOOK_EVENTS
from nodes.settings import WebhookSettings
from tests.hook_receiver import SECRET
from tests.outgoing_webhooks.receivers import SCHEMA, VALIDATOR
from tests.test_architecture import ROOT

README = (ROOT / "deployments" / "webhooks" / "README.md").read_text(encoding="utf-8")
MIGRATIONS = [
    (ROOT / "sql" / "migrations" / name).read_text(encoding="utf-8") for name in ("0017_webhooks.sql", "0020_tasks.sql")
]
TYPES = [*WEBHOOK_EVENTS, "webhook.test"]


def test_the_schema_has_each_event_and_no_other() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert [each["$ref"] for each in SCHEMA["oneOf"]] == [f"#/$defs/{each}" for each in TYPES]
    assert {name for name in SCHEMA["$defs"] if "." in name} == set(TYPES)
    for each in TYPES:
        assert SCHEMA["$defs"][each]["properties"]["type"] == {"const": each}


def test_the_database_makes_each_event_and_no_other() -> None:
    views = "".join(text.partition("VIEW webhook_events WITH")[2] for text in MIGRATIONS)
    made = re.findall(r"'((?:session|offer|subscription|task)\.\w+)'", views)
    assert set(made) == set(WEBHOOK_EVENTS)


def test_the_page_names_each_event_and_setting() -> None:
    assert [each for each in TYPES if f"| `{each}` |" not in README] == []
    assert [each for each in WebhookSettings.model_fields if f"| `{each.upper()}` |" not in README] == []


def test_the_pages_example_is_an_event() -> None:
    [example] = re.findall(r"```json\n(.*?)```", README, re.DOTALL)
    whole = example.replace('"session_id": "…"', f'"session_id": "{"0" * 8}-0000-0000-0000-{"0" * 12}"')
    whole = whole.replace('"request_id": "…"', f'"request_id": "{"0" * 8}-0000-0000-0000-{"0" * 12}"')
    event = json.loads(whole)
    assert [error.message for error in VALIDATOR.iter_errors(event)] == []


def test_the_pages_receiver_verifies_and_recognizes_a_repetition(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANCELFLOW_SECRET", SECRET)
    [example] = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    found: dict[str, Any] = {}
    exec(example, found)
    receive, seen = found["receive"], set[str]()
    body = b'{"type": "webhook.test", "timestamp": "2026-11-26T12:00:00Z", "data": {}}'
    headers = signed(body, SecretStr(SECRET), "hook-1", int(time.time()))
    assert receive(body, headers, seen)["type"] == "webhook.test"
    assert receive(body, headers, seen) is None
    with pytest.raises(WebhookVerificationError):
        receive(body.replace(b"test", b"fake"), headers, seen)
    assert Webhook(SECRET).verify(body, headers)


@pytest.mark.parametrize("wrong", [{"outcome": "lost"}, {"email": "a@example.com"}, {"feedback": "Too dear"}])
def test_the_schema_admits_no_other_fields_and_values(wrong: dict[str, str]) -> None:
    ids = {"session_id": "550e8400-e29b-41d4-a716-446655440000", "request_id": "550e8400-e29b-41d4-a716-446655440001"}
    data = {**ids, "user_id": "42", "livemode": True, "blueprint": "default", "blueprint_version": 1, "offers": []}
    event = {"type": "session.completed", "timestamp": "2026-11-26T12:00:00Z", "data": {**data, "outcome": "saved"}}
    assert VALIDATOR.is_valid(event)
    assert not VALIDATOR.is_valid(event | {"data": {**data, "outcome": "saved", **wrong}})
