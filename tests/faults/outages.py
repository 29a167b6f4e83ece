"""One request during an outage of a part, from its start to its end: the response must come true."""

import time
import uuid
from dataclasses import dataclass, field

import httpx

from tests.faults.branches import Branch
from tests.faults.offer_branches import Acceptance
from tests.faults.topic import Topic
from tests.faults.triggers import Trigger
from tests.waiting import eventually
from tests.world import Person, Row, World

AGAIN_SECONDS = 120.0
FINISH_SECONDS = 300.0
LOOK_EVERY_SECONDS = 0.5
TRY_SECONDS = 60.0
BEFORE_THE_REQUEST = "before the request"

DONE, GOES_ON, GAVE_UP, NOT_RECEIVED = 200, 202, 500, 503


@dataclass
class Outage:
    """An outage of a part: its kind, when it begins, the permitted responses, and the actual one."""

    part: str
    fault: str
    begins: str
    branch: Branch | Acceptance
    permitted: set[int]
    waited_for: bool = True  # by the response; a part that is not is tried nevertheless
    shown: bool = True  # in Prefect
    loses: bool = False  # a response is lost after its work was done
    response: httpx.Response | None = None
    seconds: float = 0.0  # until the response
    after: float = 0.0  # from the part's return until all was done
    wrong: list[str] = field(default_factory=list)

    @property
    def status(self) -> int:
        return 0 if self.response is None else self.response.status_code

    def __str__(self) -> str:
        what = f"{self.branch.name}, {self.part} {self.fault} {self.begins}"
        return f"{what}, responded {self.status} after {self.seconds:.1f} s: {'; '.join(self.wrong)}"


class Caller:
    """A caller of one trigger."""

    def __init__(self, world: World, trigger: Trigger, person: Person, outage: Outage) -> None:
        self._world, self._trigger, self._person, self._outage = world, trigger, person, outage
        self._key = str(uuid.uuid4())

    def ask(self) -> None:
        """Send the request during the outage."""
        outage = self._outage
        began = time.monotonic()
        try:
            response = outage.response = self._post()
        finally:
            outage.seconds = time.monotonic() - began
        if response.status_code not in outage.permitted:
            outage.wrong.append(f"responded {response.text}")
        if response.status_code == GAVE_UP and response.json()["detail"] != outage.branch.failed:
            outage.wrong.append(f"responded {response.text}")
        if response.status_code == NOT_RECEIVED and int(response.headers.get("Retry-After", 0)) < 1:
            outage.wrong.append("the response has no Retry-After")

    def wait_until_done(self) -> None:
        """After the outage, wait for the end, and retry if the response said so."""
        outage, response = self._outage, self._outage.response
        began, received = time.monotonic(), self._request()
        self._check_nothing_done()
        if outage.status in (GAVE_UP, NOT_RECEIVED):
            response = eventually(self._retry, within=AGAIN_SECONDS, every=LOOK_EVERY_SECONDS)
        try:
            request = eventually(self._when_done, within=FINISH_SECONDS, every=LOOK_EVERY_SECONDS)
        except AssertionError:
            raise AssertionError(f"not done, but {self._state()}") from None
        outage.after = time.monotonic() - began
        assert request
        assert response
        if response.status_code == GOES_ON:
            response = self._read(response.headers["Location"])
        if (response.status_code, response.json()) != (DONE, request["response"]):
            outage.wrong.append(f"responded {response.status_code} {response.text}, recorded {request['response']}")
        if received and request["received_at"] != received["received_at"]:
            outage.wrong.append("received_at has changed")
        if not outage.shown and request["flow_run_id"] is not None:
            outage.wrong.append("has a flow run id, but Prefect was unavailable")

    def count(self, topic: Topic) -> None:
        """Count the effects in the external systems when all is done."""
        events, reported_failed = topic.events_of(self._person.user_id), self._outage.status == GAVE_UP
        self._outage.wrong += self._outage.branch.wrong(
            self._world, self._person, events, reported_failed=reported_failed
        )

    def wait_for_attempt(self) -> None:
        """Wait for a delivery attempt, which follows the response."""
        tried = "SELECT id FROM outbox WHERE user_id = %s AND attempts > 0 AND delivered_at IS NULL"
        eventually(lambda: self._world.rows(tried, self._person.user_id), within=TRY_SECONDS)

    def _check_nothing_done(self) -> None:
        """Check that nothing was done if the response said so, unless a response from another system was lost."""
        if self._outage.loses:
            return
        branch, status = self._outage.branch, self._outage.status
        if status == GAVE_UP and branch.effects(self._world, self._person):
            self._outage.wrong.append("reported as failed, but Stripe did it")
        if status == NOT_RECEIVED and (left := branch.unexpected(self._world, self._person, [])):
            self._outage.wrong.append(f"reported as not received, but found {left}")

    def _read(self, location: str) -> httpx.Response:
        """Return the status, read again while a part is just coming back."""

        def look() -> httpx.Response | None:
            found = self._trigger.http.get(location, headers=self._person.headers)
            return found if found.status_code != NOT_RECEIVED else None

        response = eventually(look, within=AGAIN_SECONDS, every=LOOK_EVERY_SECONDS)
        assert response is not None
        return response

    def _post(self) -> httpx.Response:
        return self._outage.branch.post(self._trigger.http, self._person, self._key)

    def _retry(self) -> httpx.Response | None:
        """Retry with the same key; a part that is just back may need some time."""
        response = self._post()
        return response if response.status_code in (DONE, GOES_ON) else None

    def _request(self) -> Row | None:
        table = self._outage.branch.table
        latest = f"SELECT * FROM {table} WHERE user_id = %s ORDER BY received_at DESC"
        found = self._world.rows(latest, self._person.user_id)
        return found[0] if found else None

    def _state(self) -> Row:
        shown = ("outcome", "recovery_point", "runs", "resume_at")
        return {name: value for name, value in (self._request() or {}).items() if name in shown}

    def _when_done(self) -> Row | None:
        found = self._request()
        if found is None or found["resume_at"] is not None or found["outcome"] is None:
            return None
        assert found["outcome"] != "failed", "the work was given up"
        return found
