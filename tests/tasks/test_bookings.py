"""A call that a customer books instead of cancelling, which stays one press away (FEATURES F25)."""

import uuid

import httpx
import pytest

from flows.close_idle_sessions import close_idle_sessions
from tests.cancel_page.visitor import Visitor, sessions_of, token
from tests.deletion.former_customers import swept
from tests.offers.company import Company
from tests.tasks.conftest import SERVICE_TOKEN, TALK
from tests.tasks.made import task_of, tasks_of
from tests.test_command_line import cancelflow
from tests.world import Person

# The Stripe SDK triggers this httpx deprecation warning.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload raw bytes:DeprecationWarning"),
]

COMPANY = {"Authorization": f"Bearer {SERVICE_TOKEN}"}


def talks(company: Company, guest: Visitor, person: Person) -> str:
    """Accept the offer to talk on the cancel page; return the acceptance's id."""
    guest.open(token(person))
    guest.press("next", reason="wants_contact")
    guest.accept("Talk to us")
    [session] = sessions_of(company.world, person)
    return str(session["change_id"])


def book(company: Company, request_id: str, booking_id: str = "cal_1", **headers: str) -> httpx.Response:
    body = {"request_id": request_id, "booking_id": booking_id}
    return company.http.post("/bookings", json=body, headers=headers)


@pytest.mark.usefixtures("here")
def test_a_booked_call_is_stored_and_cancelling_stays_one_press_away(
    company: Company, guest: Visitor, own: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    world, person = company.world, company.customer()
    request_id = talks(company, guest, person)
    assert f'href="{TALK}?ref={request_id}"' in guest.page.text

    response = book(company, request_id, **COMPANY)

    assert (response.status_code, response.json()) == (
        200,
        {"success": True, "request_id": request_id, "booking_id": "cal_1"},
    )
    assert book(company, request_id, "cal_2", **person.headers).status_code == 200
    assert world.row("SELECT booking_id FROM change_requests WHERE id = %s", request_id)["booking_id"] == "cal_2"
    task, [session] = task_of(world, person), sessions_of(world, person)
    assert (task["kind"], str(task["request_id"]), task["session_id"]) == ("support", request_id, session["id"])
    shown = cancelflow("tasks", "show", str(task["id"]), cwd=tmp_path_factory.mktemp("elsewhere"), **own).out
    assert "booking       cal_2" in shown

    guest.press("cancel")

    [session] = sessions_of(world, person)
    assert session["outcome"] == "cancelled"
    assert task_of(world, person)["done_at"] is None  # the call may still take place


@pytest.mark.usefixtures("here")
def test_a_session_that_ends_with_a_booked_call_was_not_left(company: Company, guest: Visitor) -> None:
    world, person = company.world, company.customer()
    assert book(company, talks(company, guest, person), **COMPANY).status_code == 200
    world.admin.execute(
        "UPDATE cancel_sessions SET active_at = now() - interval '31 minutes' WHERE user_id = %s", [person.user_id]
    )
    assert swept(close_idle_sessions).is_completed()
    assert [each["kind"] for each in tasks_of(world, person.user_id)] == ["support"]


def test_the_address_has_no_id_before_the_offer_is_accepted(company: Company) -> None:
    person = company.customer()
    listed = company.http.get("/offers", headers=person.headers).json()["offers"]
    assert {option["url"] for offer in listed if offer["id"] == "talk" for option in offer["options"]} == {
        f"{TALK}?ref="
    }
    accepted = company.http.post("/offers/talk/accept", json={}, headers=person.headers)
    assert accepted.json()["url"] == f"{TALK}?ref={accepted.headers['Change-Request-Id']}"


def test_a_booking_of_nothing_or_of_anothers_is_refused(company: Company, guest: Visitor) -> None:
    world, person, other = company.world, company.customer(), company.customer()
    request_id = talks(company, guest, person)
    tips = company.http.post("/offers/tips/accept", json={}, headers=other.headers).headers["Change-Request-Id"]
    refused = [
        book(company, str(uuid.uuid4()), **COMPANY),
        book(company, request_id, **other.headers),
        book(company, tips, **other.headers),  # it led to a page that may help
        book(company, request_id),
        book(company, request_id, "two words", **COMPANY),
        book(company, "not an id", **COMPANY),
    ]
    assert [each.status_code for each in refused] == [404, 404, 404, 401, 400, 400]
    assert [tasks_of(world, each.user_id) for each in (person, other)] == [[], []]
    assert world.row("SELECT booking_id FROM change_requests WHERE id = %s", request_id)["booking_id"] is None
