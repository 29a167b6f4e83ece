"""The open-source React component as it calls a server: its headers and bodies, byte for byte (version 0.1.2)."""

import base64
import json
import time
from typing import Any

import httpx

from tests.cancel_page.visitor import token as signed
from tests.world import Person, Row

ORIGIN = "https://app.example.com"


def component_token(person: Person, *, app: str = "cancelflow", **claims: Any) -> str:
    """Return the component's token around one as the company's server signs it."""
    found = {"a": app, "c": person.user_id, "h": signed(person, **claims), "m": "test", "t": int(time.time() * 1000)}
    return "ck_" + base64.urlsafe_b64encode(json.dumps(found).encode()).rstrip(b"=").decode()


def as_json(body: Row) -> bytes:
    """Return what JSON.stringify makes of it."""
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()


class Component:
    """A component with a token, at `apiBaseUrl`. `headers`: replace or, if None, leave out the component's own."""

    def __init__(self, base: str, token: str, **headers: str | None) -> None:
        padded = token.removeprefix("ck_") + "=" * (-len(token.removeprefix("ck_")) % 4)
        self.said: Row = json.loads(base64.urlsafe_b64decode(padded))
        own = {
            "Content-Type": "application/json",
            "x-ck-app": self.said["a"],
            "x-ck-customer": self.said["c"],
            "x-ck-authorization": self.said["h"],
            "x-ck-mode": self.said["m"],
            "x-ck-subscription": self.said.get("s"),
        } | headers
        self._headers = {name: value for name, value in own.items() if value is not None}
        self._flow = f"{base}/api/orgs/{self.said['a']}/cancel-flow"
        self._sessions = f"{base}/api/sessions/sdk"

    def config(self) -> httpx.Response:
        return self._post(f"{self._flow}/config", b"")

    def flow(self) -> Row:
        """Return the config, which must be there."""
        response = self.config()
        assert response.status_code == 200, response.text
        found: Row = response.json()
        return found

    def discount(self, coupon: str, blueprint: str = "default-1") -> httpx.Response:
        return self.act("discount", {"coupon": coupon, "blueprintId": blueprint})

    def pause(self, duration: int, interval: str = "month") -> httpx.Response:
        return self.act("pause", {"duration": duration, "interval": interval})

    def change_plan(self, plan: str) -> httpx.Response:
        return self.act("change-plan", {"planId": plan})

    def extend_trial(self, days: int, blueprint: str = "default-1") -> httpx.Response:
        return self.act("extend-trial", {"days": days, "blueprintId": blueprint})

    def cancel(self) -> httpx.Response:
        return self.act("cancel", {"cancelAtPeriodEnd": True})

    def act(self, name: str, body: Row) -> httpx.Response:
        return self._post(f"{self._flow}/actions/{name}", as_json(body))

    def record(self, **said: Any) -> httpx.Response:
        """Send a session record as the component builds it, with this in place of its own."""
        usual = {
            "blueprintId": "default-1",
            "customer": {"id": self.said["c"]},
            "canceled": False,
            "presentedOffers": [],
            "stepsViewed": [{"stepType": "SURVEY", "start": "2026-11-26T12:00:00.000Z", "guid": "default-1-0"}],
            "mode": "TEST",
            "embedVersion": "sdk-react",
            "surveyId": "default-1-0",
            "clickToCancelEnabled": False,
            "strictFTCComplianceEnabled": False,
            "usedClickToCancel": False,
            "autoOptimizationUsed": False,
            "discountCooldownApplied": False,
            "pauseCooldownApplied": False,
        }
        return self._post(self._sessions, as_json(usual | said))

    def _post(self, address: str, body: bytes) -> httpx.Response:
        return httpx.post(address, content=body, headers=self._headers, timeout=60)


def offers_in(flow: Row) -> dict[str, Row]:
    """Return the offers of a config by their kind: those of its steps, and of its survey's reasons."""
    steps = flow["steps"]
    found = [each["offer"] for each in (*steps, *(r for s in steps for r in s.get("reasons", []))) if "offer" in each]
    return {each["type"]: each for each in reversed(found)}


def step_of(flow: Row, kind: str) -> Row:
    """Return the config's only step of a kind."""
    [found] = [each for each in flow["steps"] if each["type"] == kind]
    step: Row = found
    return step
