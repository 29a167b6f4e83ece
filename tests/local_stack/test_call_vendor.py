"""The stand-in for the vendor of calls: takes each once, lists them, and reports the outcome that is played."""

from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest

from tests.hook_receiver import SECRET, Receiver, receiving
from tests.local_stack.helpers import running, wait_until
from tests.local_stack.test_inbox import responds
from tests.ports import free_port

CALL = {
    "type": "calls.execute",
    "data": {"phoneNumber": "+14155552671", "firstName": "<b>Ada</b>", "lastName": "Byron", "email": "ada@example.com"},
}


@dataclass(frozen=True)
class StandIn:
    """The stand-in's page, and the receiver of results in cancelflow's place."""

    page: httpx.Client
    cancelflow: Receiver

    def take(self, hook_id: str) -> httpx.Response:
        return self.page.post("/calls", json=CALL, headers={"webhook-id": hook_id})


@pytest.fixture(scope="module")
def stand_in() -> Iterator[StandIn]:
    port = free_port()
    with (
        receiving() as cancelflow,
        running("deployments.local.call_vendor", "--port", port, "--results-url", cancelflow.url, "--secret", SECRET),
        httpx.Client(base_url=f"http://127.0.0.1:{port}") as page,
    ):
        wait_until(lambda: responds(page), "the vendor")
        yield StandIn(page, cancelflow)


def test_a_call_that_is_sent_again_is_one_call(stand_in: StandIn) -> None:
    for _ in range(2):
        response = stand_in.take("once")
        assert (response.status_code, response.json()) == (202, {"call_id": "call_once"})
    [call] = [each for each in stand_in.page.get("/calls.json").json() if each["id"] == "once"]
    assert (call["times"], call["data"]) == (2, CALL["data"])
    assert "&lt;b&gt;Ada&lt;/b&gt;" in stand_in.page.get("/").text


def test_a_program_plays_an_outcome(stand_in: StandIn) -> None:
    stand_in.take("program")
    done = stand_in.page.post("/calls/program/result", json={"status": "voicemail"})
    assert (done.status_code, done.json()["status"]) == (200, 204)
    result = stand_in.cancelflow.accepted[-1]
    assert result.valid
    expected = {"callId": "call_program", "webhookId": "program", "status": "voicemail"}
    assert result.body == {"type": "calls.result", "data": expected}


def test_a_person_plays_an_outcome_on_the_page(stand_in: StandIn) -> None:
    stand_in.take("person")
    form = {
        "status": "completed",
        "warmth": "hot",
        "reasonClass": "",
        "requests": ["human", "upset"],
        "summary": "Ask again",
        "actionItems": "Send the invoice.\n\nCall the bank.\n",
    }
    assert stand_in.page.post("/calls/person/result", data=form).status_code == 303
    assert stand_in.cancelflow.accepted[-1].body["data"] == {
        "callId": "call_person",
        "webhookId": "person",
        "status": "completed",
        "warmth": "hot",
        "summary": "Ask again",
        "requests": ["human", "upset"],
        "actionItems": ["Send the invoice.", "Call the bank."],
    }
    assert "reported: completed · response 204" in stand_in.page.get("/").text


def test_an_unknown_call_has_no_outcome(stand_in: StandIn) -> None:
    assert stand_in.page.post("/calls/nobody/result", json={}).status_code == 404
