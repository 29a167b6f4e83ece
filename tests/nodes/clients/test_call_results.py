"""The signature of a call's result, made with the library of https://www.standardwebhooks.com."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr
from standardwebhooks.webhooks import Webhook

from nodes.clients.calls.results import CallResults
from nodes.refusals.webhooks import CallResultsOff, ResultNotSigned
from nodes.settings import CallSettings

OLD, NEW, OTHER = ("whsec_" + base64.b64encode(name * 8).decode() for name in (b"old!", b"new!", b"who?"))
BODY = '{"type": "calls.result"}'


def results(*secrets: str) -> CallResults:
    return CallResults(CallSettings(call_result_secrets=tuple(map(SecretStr, secrets))))


def headers(secret: str = NEW, age: timedelta = timedelta(0), body: str = BODY) -> dict[str, str]:
    at = datetime.now(UTC) - age
    return {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign("msg_1", at, body),
    }


@pytest.mark.parametrize("secret", [OLD, NEW])
@pytest.mark.parametrize("seconds", [0, 290, -290])
def test_each_secret_is_accepted_for_five_minutes(secret: str, seconds: int) -> None:
    results(OLD, NEW).verify(BODY.encode(), headers(secret, timedelta(seconds=seconds)))


@pytest.mark.parametrize("seconds", [310, -310])
def test_a_signature_of_another_time_is_refused(seconds: int) -> None:
    with pytest.raises(ResultNotSigned):
        results(NEW).verify(BODY.encode(), headers(age=timedelta(seconds=seconds)))


def test_one_of_several_signatures_is_enough() -> None:
    given = headers(NEW)
    given["webhook-signature"] = f"v1a,unknown {headers(OTHER)['webhook-signature']} {given['webhook-signature']}"
    results(NEW).verify(BODY.encode(), given)


@pytest.mark.parametrize(
    "given",
    [
        {},
        headers(OTHER),
        headers(body=BODY + " "),
        headers() | {"webhook-id": "msg_2"},
        headers() | {"webhook-timestamp": "now"},
        headers() | {"webhook-timestamp": "²"},
        headers() | {"webhook-timestamp": "9" * 5000},
        headers() | {"webhook-signature": ""},
        headers() | {"webhook-signature": "v1,ü"},
    ],
)
def test_anything_else_is_refused(given: dict[str, str]) -> None:
    with pytest.raises(ResultNotSigned):
        results(NEW).verify(BODY.encode(), given)


def test_without_a_secret_nothing_is_accepted() -> None:
    with pytest.raises(CallResultsOff):
        results().verify(BODY.encode(), headers())
