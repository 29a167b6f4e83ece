"""Two endpoints as a company runs them, and what they have received about a customer."""

import json
from dataclasses import dataclass
from typing import Any

from jsonschema import Draft202012Validator

from tests.hook_receiver import SECRET, Received, Receiver
from tests.test_architecture import ROOT
from tests.waiting import eventually
from tests.world import Person, Row, World

SCHEMA: Row = json.loads((ROOT / "deployments" / "webhooks" / "events.schema.json").read_text(encoding="utf-8"))
VALIDATOR = Draft202012Validator(SCHEMA, format_checker=Draft202012Validator.FORMAT_CHECKER)


@dataclass(frozen=True)
class Endpoints:
    """`every` gets each type of event, `few` only one."""

    every: Receiver
    few: Receiver

    @property
    def settings(self) -> dict[str, str]:
        return {
            "WEBHOOKS": f"every={self.every.url},few={self.few.url}",
            "WEBHOOK_SECRETS": f"every={SECRET},few={SECRET}",
            "WEBHOOK_EVENTS": "few=session.completed",
        }

    def work(self) -> None:
        for each in (self.every, self.few):
            each.status, each.act = 204, None


def about(received: list[Received], person: Person) -> list[Received]:
    """Return those about a customer, which must be signed and valid."""
    found = [each for each in list(received) if each.body["data"].get("user_id") == person.user_id]
    for each in found:
        assert each.valid, each.body
        assert [error.message for error in VALIDATOR.iter_errors(each.body)] == [], each.body
        assert person.email not in json.dumps(each.body)
    return found


def events(world: World, endpoints: Endpoints, person: Person, *types: str) -> dict[str, Any]:
    """Wait until these events have arrived, and return the data of each by its type; there are no others."""

    def arrived() -> list[Received] | None:
        found = about(endpoints.every.accepted, person)
        return found if sorted({each.id: each.body["type"] for each in found}.values()) == sorted(types) else None

    found = eventually(arrived)
    assert found is not None
    put = world.rows("SELECT type FROM webhook_deliveries WHERE user_id = %s AND endpoint = 'every'", person.user_id)
    assert sorted(each["type"] for each in put) == sorted(types)
    assert len({each.id for each in found}) == len(found)
    return {each.body["type"]: each.body["data"] for each in found}


def deliveries(world: World, person: Person, endpoint: str = "every") -> dict[str, Row]:
    """Return the customer's deliveries to an endpoint by type."""
    found = world.rows(
        "SELECT * FROM webhook_deliveries WHERE user_id = %s AND endpoint = %s ORDER BY at", person.user_id, endpoint
    )
    return {each["type"]: each for each in found}
