"""The status of a request: its caller gets the same response again, and no one else does."""

from uuid import uuid4

import pytest

from tests.http.document import Document
from tests.world import World

PATH = "/cancellation-requests/{request_id}"


@pytest.mark.parametrize(
    ("case", "body", "status"),
    [
        ("professional", {"reason": "unused"}, 200),
        ("starter", {"accept_offer": True}, 200),
        ("professional", {}, 400),
        ("no_subscription", {"reason": "unused"}, 404),
        ("already_pending", {"reason": "unused"}, 409),
    ],
    ids=["cancelled", "retained", "no reason", "nothing to cancel", "already pending"],
)
def test_the_caller_gets_the_original_response_again(
    world: World, document: Document, case: str, body: dict[str, object], status: int
) -> None:
    person = world.person(case)
    first = world.post(person, **body)
    assert first.status_code == status
    document.check(first, "/cancel-subscription")
    again = world.http.get(PATH.format(request_id=world.request_id(first)), headers=person.headers)
    assert (again.status_code, again.json()) == (status, first.json())
    assert again.headers["content-type"] == first.headers["content-type"]
    assert again.headers["cancellation-request-id"] == world.request_id(first)
    document.check(again, PATH)


def test_another_users_request_is_not_found(world: World, document: Document) -> None:
    person, other = world.person("starter"), world.person("no_subscription")
    request_id = world.request_id(world.cancel(person))
    response = world.http.get(PATH.format(request_id=request_id), headers=other.headers)
    unknown = world.http.get(PATH.format(request_id=uuid4()), headers=other.headers)
    assert response.status_code == unknown.status_code == 404
    assert response.json() == unknown.json()
    assert response.json()["detail"] == "No such cancellation request"
    document.check(response, PATH)


def test_a_request_in_progress_is_reported_as_such(world: World, document: Document) -> None:
    user_id = str(uuid4())
    insert = (
        "INSERT INTO cancellation_requests (user_id, asked_user_id, accept_offer, resume_at)"
        " VALUES (%s, %s, false, null) RETURNING id"
    )
    request_id = str(world.row(insert, user_id, user_id)["id"])
    response = world.http.get(PATH.format(request_id=request_id), headers=world.headers(user_id))
    assert response.status_code == 202
    assert response.json() == {"success": True, "status": "in_progress", "request_id": request_id}
    assert response.headers["location"] == f"/cancellation-requests/{request_id}"
    document.check(response, PATH)


@pytest.mark.parametrize("wrong", ["x", "1", "550e8400-e29b-41d4-a716", "%00", "'"])
def test_an_invalid_id_is_refused(world: World, document: Document, wrong: str) -> None:
    response = world.http.get(PATH.format(request_id=wrong), headers=world.headers(str(uuid4())))
    assert response.status_code == 400
    assert response.json()["errors"][0]["parameter"] == "request_id"
    document.check(response, PATH)
