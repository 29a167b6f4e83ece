"""The pages behind the email's links: a GET changes nothing, one press does what the page says (W15, W49)."""

import html
import re
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import pytest

from nodes.clients.links import Links, Purpose
from nodes.settings import LinkSettings, load
from tests.acceptance.subscribers import clock, subscriber
from tests.reactivation.people import in_stripe, jobs, leaving, outbox, requests, subjects, title, when_done
from tests.world import Person, Row, World, links

pytestmark = pytest.mark.slow


def email_of(world: World, person: Person) -> Row:
    [email] = [each for each in world.emails(person) if each["subject"].startswith("Cancellation confirmed")]
    return email


def link_to(world: World, person: Person, purpose: Purpose) -> str:
    return html.unescape(links(email_of(world, person))[purpose])


def token_in(link: str) -> str:
    return link.partition("token=")[2]


def press(world: World, path: str, **fields: str) -> httpx.Response:
    return world.http.post(path, data=fields)


def reason_of(world: World, person: Person) -> Row:
    return world.row("SELECT * FROM cancellation_reasons WHERE user_id = %s", person.user_id)


# Reactivation


def test_a_button_pressed_too_often_says_when_to_try_again(world: World) -> None:
    person = when_done(world, leaving(world))
    link = link_to(world, person, "reactivate")
    used_up = "UPDATE attempts SET since = now() + interval '1 hour', counted = 10000 WHERE user_id = %s"
    world.admin.execute(used_up, [person.user_id])

    pressed = press(world, "/reactivate", token=token_in(link))

    assert (pressed.status_code, title(pressed)) == (429, "Try again in a minute")
    assert int(pressed.headers["Retry-After"]) > 0
    assert requests(world, person) == []


def test_the_emails_button_works_after_one_press(world: World) -> None:
    person = when_done(world, leaving(world))
    link = link_to(world, person, "reactivate")
    writes, before = world.simulator.writes(person.subscription_id), world.belongings(person.user_id)

    opened = world.http.get(link)

    assert (opened.status_code, title(opened)) == (200, "Keep your Professional plan?")
    assert re.findall(r"<form method=\"post\" action=\"(\w+)\">", opened.text) == ["reactivate"]
    assert world.simulator.writes(person.subscription_id) == writes
    assert world.belongings(person.user_id) == before

    done = press(world, "/reactivate", token=token_in(link))

    assert (done.status_code, title(done)) == (200, "Your Professional plan is active")
    assert in_stripe(world, person).cancel_at is None
    assert jobs(world, person) == ["cancelled"]
    assert "Welcome back: your Professional plan continues" in subjects(world, person)
    [request] = requests(world, person)
    assert (request["origin"], request["outcome"]) == ("link", "reactivated")
    audited = world.rows("SELECT * FROM audit_log WHERE user_id = %s AND action LIKE 'reactivate%%'", person.user_id)
    assert [row["outcome"] for row in audited] == ["reactivated"]


def test_a_link_used_twice_says_that_the_plan_is_active(world: World) -> None:
    person = leaving(world)
    link = link_to(world, person, "reactivate")
    press(world, "/reactivate", token=token_in(link))
    again, opened = press(world, "/reactivate", token=token_in(link)), world.http.get(link)
    for page in (again, opened):
        assert (page.status_code, title(page)) == (200, "Your Professional plan is active")
        assert "<form" not in page.text
    assert outbox(world, person).count("reactivation_confirmation") == 1


def test_the_page_says_when_the_subscription_has_ended(world: World) -> None:
    on = clock(world)
    person = subscriber(world, on=on)
    assert world.cancel(person).status_code == 200
    link = link_to(world, person, "reactivate")
    ends = in_stripe(world, person).cancel_at
    assert ends is not None
    on.advance(ends + 60)
    for page in (world.http.get(link), press(world, "/reactivate", token=token_in(link))):
        assert (page.status_code, title(page)) == (410, "Your subscription has ended")
        assert "You can start a new subscription" in page.text
        assert "<form" not in page.text
    assert in_stripe(world, person).status == "canceled"


def signed(purpose: Purpose, *, ends_in: timedelta = timedelta(days=1)) -> str:
    return Links(load(LinkSettings)).sign(
        purpose, subscription_id="sub_1", request_id=str(uuid4()), expires_at=datetime.now(UTC) + ends_in
    )


@pytest.mark.parametrize("path", ["/reactivate", "/feedback"])
@pytest.mark.parametrize("kind", ["missing", "forged", "for another", "expired", "for deleted data"])
def test_a_press_with_an_invalid_link_does_nothing(world: World, path: str, kind: str) -> None:
    purpose: Purpose = "reactivate" if path == "/reactivate" else "feedback"
    other: Purpose = "feedback" if path == "/reactivate" else "reactivate"
    token, status = {
        "missing": ("", 400),
        "forged": (signed(purpose)[:-4] + "AAAA", 400),
        "for another": (signed(other), 400),
        "expired": (signed(purpose, ends_in=timedelta(seconds=-5)), 410),
        "for deleted data": (signed(purpose), 410),
    }[kind]
    page = press(world, path, token=token, feedback="x")
    assert page.status_code == status
    assert title(page) == ("This link is not valid" if status == 400 else "This link has expired")
    assert page.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["/reactivate", "/feedback"])
def test_a_body_that_is_not_a_form_does_nothing(world: World, path: str) -> None:
    assert world.http.post(path, json={"token": "x"}).status_code == 400
    assert (
        world.http.post(
            path, content=b"\xff\xfe", headers={"content-type": "application/x-www-form-urlencoded"}
        ).status_code
        == 400
    )
    assert press(world, path, token="x", feedback="y" * 70_000).status_code == 413


# The feedback page


def test_feedback_is_stored_once(world: World) -> None:
    person = leaving(world, reason="prefer_not_to_say")
    link = link_to(world, person, "feedback")
    opened = world.http.get(link)
    assert (opened.status_code, title(opened)) == (200, "Your feedback")
    assert opened.text.count('type="radio"') == 8

    taken = press(world, "/feedback", token=token_in(link), reason="too_complex", feedback="Two\r\nlines <b>")

    assert (taken.status_code, title(taken)) == (200, "Thank you for your feedback")
    kept = reason_of(world, person)
    assert (kept["category"], kept["feedback"]) == ("too_complex", "Two\nlines <b>")
    again = press(world, "/feedback", token=token_in(link), reason="unused", feedback="Something else")
    for page in (again, world.http.get(link)):
        assert (page.status_code, title(page)) == (200, "Thank you, we have your feedback")
    assert reason_of(world, person) == kept


def test_feedback_is_added_to_what_the_customer_wrote_when_cancelling(world: World) -> None:
    person = leaving(world, feedback="First.")
    link = link_to(world, person, "feedback")
    opened = world.http.get(link)
    assert 'type="radio"' not in opened.text
    assert 'maxlength="4992"' in opened.text
    press(world, "/feedback", token=token_in(link), reason="other", feedback="Second.")
    kept = reason_of(world, person)
    assert (kept["category"], kept["feedback"]) == ("too_expensive", "First.\n\nSecond.")


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({}, "Choose a reason or write something"),
        ({"feedback": "  \r\n "}, "Choose a reason or write something"),
        ({"reason": "because", "feedback": "<i>kept</i>"}, "Choose one of the reasons"),
        ({"feedback": "x" * 5001}, "1 character too long"),
        ({"feedback": "a\0b"}, "contains a character that we"),
    ],
)
def test_an_invalid_form_is_shown_again_with_its_input(world: World, fields: dict[str, str], wrong: str) -> None:
    person = leaving(world, reason="prefer_not_to_say")
    token = token_in(link_to(world, person, "feedback"))
    page = press(world, "/feedback", token=token, **fields)
    assert page.status_code == 400
    assert wrong in page.text
    assert "<i>" not in page.text
    if "<i>" in fields.get("feedback", ""):
        assert "&lt;i&gt;kept&lt;/i&gt;" in page.text
    assert reason_of(world, person)["answered_at"] is None
    assert press(world, "/feedback", token=token, reason="unused").status_code == 200


def test_the_longest_allowed_text_is_stored(world: World) -> None:
    person = leaving(world)
    token = token_in(link_to(world, person, "feedback"))
    assert press(world, "/feedback", token=token, feedback="ü\r\n" * 2499 + "ab").status_code == 200
    assert len(reason_of(world, person)["feedback"]) == 5000
