"""A vendor that is down, refuses or dies: the call is sent again under the same id, but not for ever (FEATURES A08)."""

from datetime import UTC, datetime, timedelta

import pytest

from nodes.errors import BillingFailed
from tests.calls.company import Company
from tests.hook_receiver import Received

pytestmark = pytest.mark.slow


def test_a_vendor_that_is_down_gets_the_call_later_under_the_same_id(company: Company) -> None:
    person = company.leaver()
    company.vendor.status = 503
    call = company.calls(person)
    assert (call["state"], call["attempts"]) == ("waiting", 1)
    assert call["problem"] == "the webhook's receiver responded 503"
    assert timedelta(seconds=30) < call["due_at"] - datetime.now(UTC) <= timedelta(minutes=1)

    company.vendor.status = 202
    company.vendor.content = {"call_id": "call_123"}
    call = company.calls(person)
    assert (call["state"], call["attempts"], call["problem"]) == ("placed", 2, None)
    assert call["vendor_call_id"] == "call_123"
    refused = [each for each in company.vendor.refused if each.id == str(call["id"])]
    assert [each.body for each in refused] == [each.body for each in company.heard(person)]


@pytest.mark.parametrize("unstorable", ["call\0", "call\ud800"])
def test_an_id_that_cannot_be_stored_is_left_out(company: Company, unstorable: str) -> None:
    person = company.leaver()
    company.vendor.status, company.vendor.content = 200, {"id": unstorable}
    call = company.calls(person)
    assert (call["state"], call["vendor_call_id"]) == ("placed", None)


def test_a_process_without_the_vendors_address_counts_no_attempt(company: Company) -> None:
    person = company.leaver()
    with pytest.raises(AssertionError):
        company.calls(person, call_webhook_url=None)
    assert company.call(person)["attempts"] == 0


def test_after_the_last_attempt_the_call_has_failed(company: Company) -> None:
    person = company.leaver()
    company.vendor.status = 500
    assert company.calls(person, call_attempts=2)["state"] == "waiting"
    call = company.calls(person, call_attempts=2)
    assert (call["state"], call["due_at"], call["attempts"]) == ("failed", None, 2)
    assert company.audited(person)[-1] == ("failed", "vendor_failed")
    company.vendor.status = 204
    assert company.calls(person)["state"] == "failed"
    assert company.heard(person) == []


def test_a_vendor_that_dies_before_it_responds_sees_the_same_call_again(company: Company) -> None:
    person = company.leaver()

    def die(_: Received) -> None:
        raise ConnectionResetError  # the call was taken by then

    company.vendor.act = die
    assert company.calls(person)["state"] == "waiting"
    company.vendor.act = None
    assert company.calls(person)["state"] == "placed"
    first, second = company.heard(person)
    assert (first.id, first.body) == (second.id, second.body)


def test_a_process_that_dies_after_sending_sends_the_same_id_again(company: Company) -> None:
    person = company.leaver()
    company.calls(person)
    # As the row was before the response was recorded.
    company.world.admin.execute(
        """UPDATE calls SET state = 'waiting', due_at = now() + interval '1 hour', placed_at = NULL,
            tried_at = greatest(tried_at, date_trunc('day', now() + interval '1 minute', 'UTC'))
        WHERE user_id = %s""",
        [person.user_id],
    )
    call = company.calls(person, calls_per_day=1)
    assert (call["state"], call["attempts"]) == ("placed", 2)
    assert len({each.id for each in company.heard(person)}) == 1


def test_a_process_that_dies_in_the_last_attempt_leaves_a_failed_call(company: Company) -> None:
    person = company.leaver()
    company.world.admin.execute("UPDATE calls SET attempts = 5, tried_at = now() WHERE user_id = %s", [person.user_id])
    assert company.calls(person)["state"] == "failed"
    assert company.heard(person) == []


def test_a_revocation_between_two_attempts_wins(company: Company) -> None:
    person = company.leaver()
    company.vendor.status = 503
    company.calls(person)
    company.vendor.status = 204
    company.consents(person, None)
    assert company.calls(person)["gate"] == "no_consent"
    assert company.heard(person) == []


def test_while_stripe_is_down_no_call_is_decided(company: Company) -> None:
    person = company.leaver()
    away = company.world.simulator.fault(kind="status", status=500, contains=person.subscription_id, times=0)
    with away, pytest.raises(BillingFailed):
        company.calls(person)
    assert company.call(person)["state"] == "waiting"
    assert company.calls(person)["state"] == "placed"
