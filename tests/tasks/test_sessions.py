"""The tasks of sessions that were left, or in which an offer was accepted (FEATURES F11)."""

from collections.abc import Callable

import pytest

from flows.close_idle_sessions import close_idle_sessions
from tests.cancel_page.visitor import Visitor, sessions_of, token
from tests.deletion.former_customers import swept
from tests.hook_receiver import Received, Receiver
from tests.offers.company import Company
from tests.outgoing_webhooks.receivers import about
from tests.sdk.component import Component
from tests.tasks.made import published, task_of, tasks_of
from tests.waiting import concurrently, eventually
from tests.world import Person, Row, World

# The Stripe SDK triggers this httpx deprecation warning.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("here"),
    pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload raw bytes:DeprecationWarning"),
]


def leaves(world: World, person: Person, minutes: int = 31) -> None:
    """Move the customer's last activity into the past, and look for idle sessions, twice at the same time."""
    world.admin.execute(
        "UPDATE cancel_sessions SET active_at = now() - make_interval(mins => %s) WHERE user_id = %s",
        [minutes, person.user_id],
    )
    states = concurrently(*[lambda: swept(close_idle_sessions)] * 2)
    assert all(state.is_completed() for state in states)


def kinds(world: World, person: Person, *, still_open: bool = True) -> list[str]:
    """Return the kinds of the customer's tasks that are open, or that are done."""
    return sorted(each["kind"] for each in tasks_of(world, person.user_id) if (each["done_at"] is None) is still_open)


def webhooks(receiver: Receiver, person: Person) -> list[Row]:
    found: list[Received] = about(receiver.accepted, person)
    return [each.body["data"] for each in found]


def test_a_session_that_was_left_is_a_task_once_with_its_event_and_webhook(
    company: Company, guest: Visitor, receiver: Receiver
) -> None:
    world, person = company.world, company.customer()
    guest.open(token(person))
    guest.press("next", reason="wants_all", **{"text-wants_all": "Far too dear for me"})
    leaves(world, person, minutes=29)
    assert tasks_of(world, person.user_id) == []

    leaves(world, person)
    leaves(world, person)

    task, [session] = task_of(world, person), sessions_of(world, person)
    assert (task["kind"], task["session_id"], task["request_id"]) == ("idle_session", session["id"], None)
    assert (task["subscription_id"], task["said"], task["done_at"]) == (person.subscription_id, None, None)
    [webhook] = eventually(lambda: webhooks(receiver, person))
    assert webhook == {
        "task_id": str(task["id"]),
        "kind": "idle_session",
        "user_id": person.user_id,
        "subscription_id": person.subscription_id,
        "session_id": str(session["id"]),
    }
    eventually(lambda: published(world, task["id"]))


def test_a_customer_who_comes_back_and_cancels_ends_the_task(company: Company, guest: Visitor) -> None:
    world, person = company.world, company.customer()
    guest.open(token(person))
    leaves(world, person)
    assert kinds(world, person) == ["idle_session"]

    guest.reload()
    assert kinds(world, person) == ["idle_session"]  # being back is no decision
    guest.press("cancel")

    assert kinds(world, person) == []
    assert task_of(world, person)["done_by"] == "customer"
    leaves(world, person)
    assert kinds(world, person) == []


def test_a_cancellation_elsewhere_ends_the_task_too(company: Company, guest: Visitor) -> None:
    world, person = company.world, company.customer()
    guest.open(token(person))
    leaves(world, person)
    body = {"user_id": person.user_id, "reason": "unused"}
    assert company.http.post("/cancel-subscription", json=body, headers=person.headers).status_code == 200
    assert (kinds(world, person), kinds(world, person, still_open=False)) == ([], ["idle_session"])


def test_a_session_that_was_left_for_a_decision_elsewhere_is_no_task(company: Company) -> None:
    world, person, undecided = company.world, company.customer(), company.customer()
    for each in (person, undecided):
        with Visitor(world, str(company.http.base_url)) as browser:
            browser.open(token(each))
    body = {"user_id": person.user_id, "reason": "unused"}
    assert company.http.post("/cancel-subscription", json=body, headers=person.headers).status_code == 200
    talked = company.http.post("/offers/talk/accept", json={}, headers=undecided.headers)
    assert talked.status_code == 200
    for each in (person, undecided):
        leaves(world, each)
    assert (tasks_of(world, person.user_id), kinds(world, undecided)) == ([], ["idle_session"])


def test_an_accepted_offer_is_a_task_until_the_customer_cancels(
    company: Company, guest: Visitor, receiver: Receiver
) -> None:
    world, person = company.world, company.customer()
    guest.open(token(person))
    leaves(world, person)
    guest.reload()
    guest.press("next", reason="wants_pause")
    guest.accept("")

    assert (kinds(world, person), kinds(world, person, still_open=False)) == (["saved_for_now"], ["idle_session"])
    [session] = sessions_of(world, person)
    [task] = [each for each in tasks_of(world, person.user_id) if each["kind"] == "saved_for_now"]
    assert (task["session_id"], task["request_id"]) == (session["id"], session["change_id"])
    eventually(lambda: len(webhooks(receiver, person)) == 2)
    leaves(world, person)  # it was decided, so it isn't abandoned
    assert kinds(world, person) == ["saved_for_now"]

    guest.press("cancel")

    assert (kinds(world, person), len(tasks_of(world, person.user_id))) == ([], 2)
    eventually(lambda: all(published(world, each["id"]) for each in tasks_of(world, person.user_id)))


def test_a_link_decides_nothing(company: Company, guest: Visitor) -> None:
    world, person = company.world, company.customer()
    guest.open(token(person))
    leaves(world, person)
    guest.reload()
    guest.press("next", reason="wants_contact")
    guest.accept("Talk to us")
    assert guest.page.status_code == 200
    assert kinds(world, person) == ["idle_session"]


def test_the_end_of_a_pause_is_no_accepted_offer(company: Company, guest: Visitor) -> None:
    world, person = company.world, company.customer()
    pause = company.http.post("/offers/pause/accept", json={"months": 1}, headers=person.headers)
    assert pause.status_code == 200
    guest.open(token(person))
    guest.press("resume")
    [session] = sessions_of(world, person)
    assert session["outcome"] == "saved"
    assert tasks_of(world, person.user_id) == []


def test_a_preview_is_no_task(company: Company, guest: Visitor) -> None:
    person = company.customer()
    guest.open(token(person, preview=True))
    leaves(company.world, person)
    assert tasks_of(company.world, person.user_id) == []


def test_a_component_that_is_closed_is_a_task_immediately(
    company: Company, component: Callable[..., Component]
) -> None:
    world, person = company.world, company.customer()
    shown = component(person)
    shown.flow()
    assert shown.record(aborted=True, surveyChoiceId="wants_all", feedback="no").status_code == 204
    assert kinds(world, person) == ["idle_session"]
    leaves(world, person)
    assert kinds(world, person) == ["idle_session"]


def test_without_the_setting_sessions_make_no_task(
    company: Company, guest: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, person = company.world, company.customer()
    guest.open(token(person))
    monkeypatch.delenv("TASKS_FOR")
    leaves(world, person)
    assert sessions_of(world, person)[0]["idle_at"] is not None
    assert tasks_of(world, person.user_id) == []
