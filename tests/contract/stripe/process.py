"""The simulator as a separate process, and its control API."""

import signal
import sys
from pathlib import Path
from typing import Any, TypeVar

import httpx
import requests
import stripe
from mirakuru import HTTPExecutor

from tests.ports import free_port

KEY = "sk_test_simulated"
Found = TypeVar("Found")


class Simulator:
    """One process on a free port, with its state in a file or in memory."""

    def __init__(self, data: Path | None, *arguments: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        command = [sys.executable, "-m", "deployments.local.stripe_simulator", "--port", str(self.port)]
        self._command = [*command, *(["--data", str(data)] if data else []), *arguments]
        self._sessions: list[requests.Session] = []
        self.http = httpx.Client(base_url=self.url, trust_env=False, timeout=20)
        self.client = self.connect()
        self.process = self._new_process()

    def _new_process(self) -> HTTPExecutor:
        return HTTPExecutor(
            self._command, f"{self.url}/_simulator/health", timeout=20, expected_returncode=-signal.SIGKILL
        )

    def connect(self, key: str = KEY, timeout: float = 20, retries: int = 0) -> stripe.StripeClient:
        """Return the real SDK for this simulator."""
        session = requests.Session()
        session.trust_env = False
        self._sessions.append(session)
        return stripe.StripeClient(
            key,
            base_addresses={"api": self.url},
            http_client=stripe.RequestsClient(timeout=timeout, session=session),
            max_network_retries=retries,
        )

    def start(self) -> None:
        """Start, or restart with the same file."""
        self.process = self._new_process()
        self.process.start()

    def kill(self) -> None:
        """Kill it."""
        self.process.kill(sig=signal.SIGKILL)

    def close(self) -> None:
        """Stop it and close every connection to it."""
        self.process.stop(stop_signal=signal.SIGTERM)
        self.http.close()
        for session in self._sessions:
            session.close()

    def control(self, method: str, path: str, body: Any = None, query: Any = None) -> Any:
        """Call the control API and return its JSON."""
        response = self.http.request(method, f"/_simulator/{path}", json=body, params=query)
        assert response.status_code < 300, response.text
        return response.json()

    def call(self, method: str, path: str, data: dict[str, str] | None = None, **headers: str) -> httpx.Response:
        """Call /v1 by hand, for what the SDK would not send or show."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        given.setdefault("authorization", f"Bearer {KEY}")
        return self.http.request(method, path, data=data, headers=given)

    def requests(self, **query: str) -> list[dict[str, Any]]:
        """Return the record of calls."""
        found: list[dict[str, Any]] = self.control("GET", "requests", query=query)["requests"]
        return found

    def fault(self, **order: Any) -> str:
        """Inject a fault and return its id."""
        return str(self.control("POST", "faults", order)["id"])

    def order(self, order: str, **given: Any) -> dict[str, Any]:
        """Carry out a change without a call to the API: `portal`, `dashboard`, `end`, `discounts`, `settings`."""
        done: dict[str, Any] = self.control("POST", order, given)
        return done

    def refuses(self, order: str, **given: Any) -> str:
        """Return the control API's error for a request."""
        response = self.http.post(f"/_simulator/{order}", json=given)
        assert response.status_code == 400, response.text
        return str(response.json()["error"])

    def move_clock(self, **order: Any) -> int:
        """Move the global clock and return its new time."""
        return int(self.control("POST", "clock", order)["now"])
