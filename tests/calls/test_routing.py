"""`route-call-result`: what follows from what was said, once (FEATURES A10 to A12, A14, A15, A17)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from flows.route_call_result import route_call_result
from nodes.call_results import step_04_confirm_promises
from nodes.errors import BillingFailed
from nodes.messages.emails import deliver_email
from nodes.messages.records import Delivered
from tests.calls.company import Company
from tests.waiting import eventually
from tests.webhooks.events import order
from tests.webhooks.test_reason_email import QUESTION
from tests.world import Person, Row

pytestmark = pytest.mark.slow

CONFIRMS = "What we promised you on the phone"
SUMMARY = "They left for their own reasons."


def request_of(company: Company, person: Person) -> Row:
    return company.world.row("SELECT * FROM cancellation_requests WHERE user_id = %s", person.user_id)


def reason_of(company: Company, person: Person) -> str:
    row = company.world.row("SELECT category FROM cancellation_reasons WHERE user_id = %s", person.user_id)
    return str(row["category"])


def asked(company: Company, person: Person) -> int:
    eventually(lambda: request_of(company, person)["ask_why_at"] is None)
    return [each["subject"] for each in company.world.emails(person)].count(QUESTION)


@pytest.mark.parametrize("warmth", ["hot", "warm"])
def test_a_warm_customer_is_a_task_for_sales_with_what_was_said(company: Company, warmth: str) -> None:
    person = company.called()
    company.routed(person, warmth=warmth, summary=SUMMARY)
    assert company.tasks(person) == {"sales": [SUMMARY]}
    assert asked(company, person) == 0
    task = company.world.row("SELECT * FROM tasks WHERE user_id = %s", person.user_id)
    assert (task["subscription_id"], task["request_id"]) == (person.subscription_id, request_of(company, person)["id"])


@pytest.mark.parametrize("warmth", ["cold", "dead"])
def test_a_cold_customer_gets_the_email_that_asks_why_once(company: Company, warmth: str) -> None:
    person = company.called()
    company.routed(person, warmth=warmth, summary=SUMMARY)
    assert asked(company, person) == 1
    company.routed(person, warmth=warmth, summary="They left, and said little.")
    assert asked(company, person) == 1
    assert company.tasks(person) == {}


def test_a_cold_customer_who_gave_the_reason_in_the_call_is_not_asked(company: Company) -> None:
    person = company.called()
    company.routed(person, warmth="cold", reasonClass="COMPETITOR")
    assert asked(company, person) == 0
    assert reason_of(company, person) == "switched_service"


def test_a_reason_that_was_given_when_cancelling_stays(company: Company) -> None:
    person = company.called()
    company.world.admin.execute(
        "UPDATE cancellation_reasons SET category = 'unused' WHERE user_id = %s", [person.user_id]
    )
    company.routed(person, reasonClass="PRICING")
    assert reason_of(company, person) == "unused"


def test_what_did_not_work_is_a_task_for_support(company: Company) -> None:
    person = company.called()
    company.routed(person, reasonClass="RELIABILITY", summary=SUMMARY)
    assert company.tasks(person) == {"support": [SUMMARY]}


def test_each_promise_is_a_task_once(company: Company) -> None:
    person = company.called()
    promises = ["Send the invoice.", "Tell the team."]
    company.routed(person, actionItems=promises)
    company.routed(person, actionItems=promises, summary=SUMMARY)
    assert company.tasks(person) == {"promise": promises}


def test_a_later_result_adds_tasks_for_its_new_promises(company: Company) -> None:
    person = company.called()
    company.routed(person, actionItems=["Send the invoice.", "Tell the team."])
    company.routed(person, actionItems=["Ask the bank.", "Send the invoice."])
    assert company.tasks(person) == {"promise": ["Ask the bank.", "Send the invoice.", "Tell the team."]}


def confirmed(company: Company, person: Person) -> list[str]:
    """Return the texts of the emails that confirm promises."""
    return [each["text"] for each in company.world.emails(person) if each["subject"] == CONFIRMS]


def test_promises_are_confirmed_once_to_a_customer_who_agreed_to_emails(company: Company) -> None:
    person = company.called()
    company.consents(person, channel="email_marketing")
    for summary in (None, SUMMARY):
        call = company.routed(person, actionItems=["Send the invoice.", "Tell the team."], summary=summary)
    [text] = confirmed(company, person)
    assert "\n- Send the invoice.\n- Tell the team.\n" in text
    assert call["unconfirmed"] is None
    assert company.audited(person)[1:] == [("placed", None)]


def test_promises_after_the_email_are_tasks_only_with_the_reason(company: Company) -> None:
    person = company.called()
    company.consents(person, channel="email_marketing")
    company.routed(person, actionItems=["Send the invoice."])
    call = company.routed(person, actionItems=["Ask the bank.", "Send the invoice."])
    [text] = confirmed(company, person)
    assert "Ask the bank." not in text
    assert call["unconfirmed"] == "emailed_before"
    assert company.audited(person)[-1] == ("not_emailed", "emailed_before")


def test_a_newer_result_is_routed_after_the_older_and_not_beside_it(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = company.called()
    company.consents(person, channel="email_marketing")
    company.reported(person, action_items=["Send the invoice."])

    async def after_a_newer_result(*email: Any) -> Delivered:
        named: dict[str, Any] = {"callId": "c", "webhookId": str(company.id_of(person))}
        assert company.report(**named, status="completed", actionItems=["Ask the bank."]).status_code == 200
        assert company.call(person)["route_at"] > datetime.now(UTC) + timedelta(hours=1)  # the claim of this run
        return await deliver_email(*email)

    monkeypatch.setattr(step_04_confirm_promises, "deliver_email", after_a_newer_result)
    company.run(route_call_result.fn(company.id_of(person)))

    eventually(lambda: company.call(person)["route_at"] is None)  # by the trigger
    assert company.tasks(person) == {"promise": ["Ask the bank.", "Send the invoice."]}
    [text] = confirmed(company, person)
    assert "Ask the bank." not in text
    assert company.call(person)["unconfirmed"] == "emailed_before"


@pytest.mark.parametrize("version", [None, 1])
def test_without_consent_promises_are_tasks_only_with_the_reason(company: Company, version: int | None) -> None:
    person = company.called()
    company.consents(person, 1, "email_marketing")
    company.consents(person, version, "email_marketing")
    least = {"phone": 2, "email_marketing": 2} if version else {"phone": 2}
    for _ in range(2):
        company.reported(person, action_items=["Send the invoice."])
        company.run(route_call_result.fn(company.id_of(person)), consent_min_version=least)
    assert confirmed(company, person) == []
    assert company.tasks(person) == {"promise": ["Send the invoice."]}
    assert company.call(person)["unconfirmed"] == "no_consent"
    assert company.audited(person)[1:] == [("placed", None), ("not_emailed", "no_consent")]


def test_a_customer_without_an_address_leaves_promises_as_tasks(company: Company) -> None:
    person = company.called()
    company.consents(person, channel="email_marketing")
    company.world.admin.execute("UPDATE users SET email = NULL WHERE id = %s", [person.user_id])
    call = company.routed(person, actionItems=["Send the invoice."])
    assert call["unconfirmed"] == "no-address"
    assert company.tasks(person) == {"promise": ["Send the invoice."]}
    assert company.audited(person)[-1] == ("not_emailed", "no-address")


@pytest.mark.parametrize("heard", ["human", "upset"])
def test_who_needs_a_person_gets_one(company: Company, heard: str) -> None:
    person = company.called()
    company.routed(person, requests=[heard], summary=SUMMARY)
    assert company.tasks(person) == {"escalation": [SUMMARY]}


def test_a_disputed_cancellation_is_marked_and_stands(company: Company) -> None:
    person = company.called()
    company.routed(person, requests=["did_not_cancel"], warmth="cold", summary=SUMMARY)
    assert company.tasks(person) == {"billing": [SUMMARY]}
    request = request_of(company, person)
    assert (request["outcome"], request["disputed_at"] is not None) == ("pending_cancellation", True)
    assert company.audited(person)[-1] == ("disputed", "suspected_fraud")
    assert company.world.stripe.subscriptions.retrieve(person.subscription_id).cancel_at_period_end
    assert asked(company, person) == 0


def test_a_reversal_counts_only_if_stripe_shows_it(company: Company) -> None:
    claimed, shown = company.called(), company.called()
    with company.world.simulator.losing_webhooks():
        order(company.world, "portal", subscription=shown.subscription_id, action="undo")
    for person in (claimed, shown):
        company.routed(person, requests=["reversed"], summary=SUMMARY)
    assert (company.call(claimed)["reversed"], company.call(shown)["reversed"]) == (False, True)
    assert (company.tasks(claimed), company.tasks(shown)) == ({"billing": [SUMMARY]}, {})
    assert company.world.stripe.subscriptions.retrieve(claimed.subscription_id).cancel_at_period_end


def test_routing_again_changes_nothing(company: Company) -> None:
    """As after a process that died before it recorded that the result was routed."""
    person = company.called()
    everything = {"warmth": "hot", "reasonClass": "RELIABILITY", "requests": ["did_not_cancel", "human"]}
    company.routed(person, actionItems=["Send the invoice."], summary=SUMMARY, **everything)
    before, audited = company.tasks(person), company.audited(person)
    assert set(before) == {"sales", "support", "billing", "escalation", "promise"}
    company.world.admin.execute(
        "UPDATE calls SET route_at = now() + interval '1 day' WHERE user_id = %s", [person.user_id]
    )
    company.run(route_call_result.fn(company.id_of(person)))
    assert company.call(person)["route_at"] is None
    assert (company.tasks(person), company.audited(person)) == (before, audited)
    assert company.run(route_call_result.fn(company.id_of(person))).name == "NothingToRoute"


def test_no_calls_holds_while_stripe_is_down_and_the_rest_follows(company: Company) -> None:
    person = company.called()
    away = company.world.simulator.fault(kind="status", status=500, contains=person.subscription_id, times=0)
    with away:
        company.report(
            callId="c",
            webhookId=str(company.id_of(person)),
            status="completed",
            requests=["do_not_call", "reversed"],
        )
        assert company.agrees(person) is False
        with pytest.raises(BillingFailed):
            company.run(route_call_result.fn(company.id_of(person)))
        assert company.tasks(person) == {}
    company.run(route_call_result.fn(company.id_of(person)))
    assert set(company.tasks(person)) == {"billing"}
