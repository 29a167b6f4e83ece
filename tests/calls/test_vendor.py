"""A vendor that is down, refuses or dies: the call is sent again under the same id, but not for ever (FEATURES A08)."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from nodes.errors import BillingFailed
from tests.calls.company import Company
from tests.hook_receiver import Received

pytestmark = pytest.mark.slow


@pytest.fixture
def own(company: Company) -> Iterator[Company]:
    yield company
    company.vendor.status, company.vendor.content, company.vendor.act = 204, None, None


def test_a_vendor_that_is_down_gets_the_call_later_under_the_same_id(own: Company) -> None:
    person = own.leaver()
    own.vendor.status = 503
    call = own.calls(person)
    assert (call["state"], call["attempts"]) == ("waiting", 1)
    assert call["problem"] == "the webhook's receiver responded 503"
    assert timedelta(seconds=30) < call["due_at"] - datetime.now(UTC) <= timedelta(minutes=1)

    own.vendor.status = 202
    own.vendor.content = {"call_id": "call_123"}
    call = own.calls(person)
    assert (call["state"], call["attempts"], call["problem"]) == ("placed", 2, None)
    assert call["vendor_call_id"] == "call_123"
    refused = [each for each in own.vendor.refused if each.id == str(call["id"])]
    assert [each.body for each in refused] == [each.body for each in own.heard(person)]


def test_after_the_last_attempt_the_call_has_failed(own: Company) -> None:
    person = own.leaver()
    own.vendor.status = 500
    assert own.calls(person, call_attempts=2)["state"] == "waiting"
    call = own.calls(person, call_attempts=2)
    assert (call["state"], call["due_at"], call["attempts"]) == ("failed", None, 2)
    assert own.audited(person)[-1] == ("failed", "vendor_failed")
    own.vendor.status = 204
    assert own.calls(person)["state"] == "failed"
    assert own.heard(person) == []


def test_a_vendor_that_dies_before_it_responds_sees_the_same_call_again(own: Company) -> None:
    person = own.leaver()

    def die(_: Received) -> None:
        raise ConnectionResetError  # the call was taken by then

    own.vendor.act = die
    assert own.calls(person)["state"] == "waiting"
    own.vendor.act = None
    assert own.calls(person)["state"] == "placed"
    first, second = own.heard(person)
    assert (first.id, first.body) == (second.id, second.body)


def test_a_process_that_dies_after_sending_sends_the_same_id_again(own: Company) -> None:
    person = own.leaver()
    own.calls(person)
    # As the row was before the response was recorded.
    own.world.admin.execute(
        "UPDATE calls SET state = 'waiting', due_at = now() + interval '1 hour', placed_at = NULL WHERE user_id = %s",
        [person.user_id],
    )
    call = own.calls(person, calls_per_day=1)
    assert (call["state"], call["attempts"]) == ("placed", 2)
    assert len({each.id for each in own.heard(person)}) == 1


def test_a_process_that_dies_in_the_last_attempt_leaves_a_failed_call(own: Company) -> None:
    person = own.leaver()
    own.world.admin.execute("UPDATE calls SET attempts = 5, sent_at = now() WHERE user_id = %s", [person.user_id])
    assert own.calls(person)["state"] == "failed"
    assert own.heard(person) == []


def test_a_revocation_between_two_attempts_wins(own: Company) -> None:
    person = own.leaver()
    own.vendor.status = 503
    own.calls(person)
    own.vendor.status = 204
    own.consents(person, None)
    assert own.calls(person)["gate"] == "no_consent"
    assert own.heard(person) == []


def test_while_stripe_is_down_no_call_is_decided(own: Company) -> None:
    person = own.leaver()
    away = own.world.simulator.fault(kind="status", status=500, contains=person.subscription_id, times=0)
    with away, pytest.raises(BillingFailed):
        own.calls(person)
    assert own.call(person)["state"] == "waiting"
    assert own.calls(person)["state"] == "placed"
