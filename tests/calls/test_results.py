"""`POST /webhooks/calls`: what is stored of a result, once; and what bad input gets (FEATURES A03, A13, G06)."""

import json
import uuid
from datetime import timedelta
from typing import Any

import pytest

from tests.calls.company import OLD_SECRET, Company
from tests.nodes.clients.test_call_results import OTHER

pytestmark = pytest.mark.slow

RESULT: dict[str, Any] = {
    "status": "completed",
    "reasonClass": "PRICING",
    "warmth": "warm",
    "transcript": "Agent: What made you decide to leave?\nCustomer: The price. \u00fc",
    "recordingUrl": "https://vendor.example.com/recordings/1",
    "summary": "Too expensive for one person.",
    "actionItems": ["Send the prices of the smaller plan."],
    "requests": ["human"],
    "durationSeconds": 93,  # members that we don't know are ignored
}


def test_a_signed_result_is_stored_in_its_call(company: Company) -> None:
    person = company.called()
    call = company.routed(person, **RESULT)
    assert {
        name: call[name] for name in ("status", "reason_class", "warmth", "transcript", "recording_url", "summary")
    } == {
        "status": "completed",
        "reason_class": "PRICING",
        "warmth": "warm",
        "transcript": RESULT["transcript"],
        "recording_url": RESULT["recordingUrl"],
        "summary": RESULT["summary"],
    }
    assert (call["action_items"], call["requests_heard"]) == (RESULT["actionItems"], ["human"])
    assert call["vendor_call_id"] == f"call_{person.user_id}"


def test_a_secret_is_accepted_until_the_rotation_ends(company: Company) -> None:
    person = company.called()
    data: dict[str, Any] = {"callId": "call_1", "webhookId": str(company.id_of(person)), "status": "no_answer"}
    assert company.report(OLD_SECRET, **data).status_code == 200
    assert company.call(person)["status"] == "no_answer"


@pytest.mark.parametrize(
    ("secret", "age"),
    [(OTHER, timedelta(0)), (OLD_SECRET, timedelta(seconds=310)), (OLD_SECRET, timedelta(seconds=-310))],
)
def test_a_result_that_is_not_signed_or_is_old_is_refused(company: Company, secret: str, age: timedelta) -> None:
    person = company.called()
    before = company.call(person)
    data: dict[str, Any] = {"callId": uuid.uuid4().hex, "webhookId": str(before["id"]), "status": "completed"}
    response = company.report(secret, age, **data)
    assert (response.status_code, response.json()["type"]) == (401, "urn:cancelflow:problem:result-not-signed")
    assert company.call(person) == before
    assert company.world.rows("SELECT * FROM unknown_calls WHERE vendor_call_id = %s", data["callId"]) == []


def test_an_unsigned_result_is_refused(company: Company) -> None:
    body = {"type": "calls.result", "data": {"callId": "call_1", "status": "completed"}}
    assert company.http.post("/webhooks/calls", json=body).status_code == 401


def test_a_result_that_is_too_large_is_refused(company: Company) -> None:
    response = company.report(callId="call_1", status="completed", transcript="x" * 1024 * 1024)
    assert response.status_code == 413


@pytest.mark.parametrize(
    ("changed", "where"),
    [
        ({"callId": None}, "data/callId"),
        ({"callId": ""}, "data/callId"),
        ({"callId": 1}, "data/callId"),
        ({"status": "done"}, "data/status"),
        ({"warmth": "lukewarm"}, "data/warmth"),
        ({"reasonClass": "OTHER"}, "data/reasonClass"),
        ({"requests": ["refund"]}, "data/requests/0"),
        ({"actionItems": "call back"}, "data/actionItems"),
        ({"recordingUrl": "javascript:alert(1)"}, "data/recordingUrl"),
        ({"summary": "a\0b"}, "data/summary"),
        ({"endedAt": "2026-11-26T12:00:00"}, "data/endedAt"),
        ({"kind": "calls.execute"}, "type"),
    ],
)
def test_a_wrong_body_is_refused_with_its_member(company: Company, changed: dict[str, Any], where: str) -> None:
    data: dict[str, Any] = {"callId": "call_1", "status": "completed", **changed}
    response = company.report(**data)
    assert response.status_code == 400
    assert response.json()["detail"].startswith(f"{where}: ")


def test_a_body_that_is_no_json_is_refused(company: Company) -> None:
    assert company.send("call_1 completed").status_code == 400


def test_without_a_secret_there_is_no_such_webhook(company: Company) -> None:
    assert company.world.http.post("/webhooks/calls", json={}).status_code == 404


def test_a_repetition_changes_nothing(company: Company) -> None:
    person = company.called()
    first = company.routed(person, **RESULT)
    assert company.routed(person, **RESULT) == first
    assert company.tasks(person)["promise"] == RESULT["actionItems"]


def test_a_later_result_of_the_call_replaces_the_earlier(company: Company) -> None:
    person = company.called()
    company.routed(person, **RESULT | {"transcript": None})
    call = company.routed(person, **RESULT | {"summary": "The price."})
    assert (call["transcript"], call["summary"]) == (RESULT["transcript"], "The price.")
    assert company.tasks(person)["sales"] == [RESULT["summary"]]


def test_an_earlier_result_that_is_sent_again_does_not_replace_a_newer_one(company: Company) -> None:
    person = company.called()
    company.routed(person, **RESULT | {"transcript": None})
    newer = company.routed(person, **RESULT)
    assert company.routed(person, **RESULT | {"transcript": None}) == newer


def test_the_vendors_id_is_enough(company: Company) -> None:
    person = company.leaver()
    vendor_id = f"call_{uuid.uuid4().hex}"
    company.vendor.status, company.vendor.content = 200, {"id": vendor_id}
    company.calls(person)
    assert company.report(callId=vendor_id, status="voicemail").status_code == 200
    assert company.call(person)["status"] == "voicemail"


def test_a_result_that_comes_before_the_vendors_response_shows_that_it_has_the_call(company: Company) -> None:
    person = company.leaver()  # its process died between sending and recording
    call = company.routed(person, status="completed")
    assert (call["state"], call["due_at"]) == ("placed", None)
    company.calls(person)
    assert company.heard(person) == []


def test_an_unknown_call_is_kept_once_without_what_was_said(company: Company) -> None:
    vendor_id, ours = f"call_{uuid.uuid4().hex}", str(uuid.uuid4())
    for _ in range(2):
        response = company.report(callId=vendor_id, webhookId=ours, **RESULT)
        assert response.status_code == 200
    [kept] = company.world.rows("SELECT * FROM unknown_calls WHERE vendor_call_id = %s", vendor_id)
    assert (kept["named"], kept["status"]) == (ours, "completed")
    assert RESULT["summary"] not in json.dumps(kept, default=str)


def test_who_wants_no_calls_is_never_called_again(company: Company) -> None:
    person = company.called()
    company.report(
        callId="c",
        webhookId=str(company.id_of(person)),
        status="completed",
        endedAt="2026-11-26T12:00:00+01:00",
        requests=["do_not_call"],
    )
    newest = company.world.rows("SELECT * FROM consents WHERE user_id = %s ORDER BY id", person.user_id)[-1]
    assert (newest["channel"], newest["accepted"], newest["source"]) == ("phone", False, "call")
    assert newest["evidence"] == {"call": str(company.id_of(person)), "said_at": "2026-11-26T11:00:00Z"}


def test_a_repetition_does_not_revoke_a_new_consent(company: Company) -> None:
    person = company.called()
    no_more = {"status": "completed", "requests": ["do_not_call"]}
    company.routed(person, **no_more)
    company.consents(person)
    company.routed(person, **no_more)
    assert company.agrees(person) is True


def test_a_call_revokes_only_once(company: Company) -> None:
    person = company.called()
    no_more = {"status": "completed", "requests": ["do_not_call"]}
    company.routed(person, **no_more)
    company.consents(person)
    company.routed(person, **no_more, transcript="No more calls.")
    company.routed(person, status="completed")
    company.routed(person, **no_more, summary="They want no calls.")
    assert company.agrees(person) is True


def test_what_was_said_goes_with_the_feedback(company: Company) -> None:
    person = company.called()
    call = company.routed(person, **RESULT)
    company.world.admin.execute("SELECT anonymize_request(%s)", [call["request_id"]])
    texts = ("transcript", "recording_url", "summary", "action_items", "requests_heard", "reason_class", "warmth")
    assert {name: company.call(person)[name] for name in texts} == dict.fromkeys(texts)

    late = company.routed(person, **RESULT)
    assert {name: late[name] for name in texts} == dict.fromkeys(texts)
