"""A session from its opening to its outcome: each screen, each press, and what is recorded (FEATURES U06 to U24)."""

import json
from contextlib import suppress
from typing import Any
from uuid import UUID, uuid4

import pytest
import stripe

from deployments.operations.requests import resume
from nodes.settings import DatabaseSettings, load
from tests.acceptance.subscribers import subscriber
from tests.cancel_page.blueprints import KINDS, TERM, price_of
from tests.cancel_page.test_broken import current
from tests.cancel_page.visitor import Visitor, path_of, sessions_of, token
from tests.offers.catalog import LOYAL, price
from tests.offers.company import Company
from tests.waiting import concurrently, eventually
from tests.world import Person, Row, World

# The Stripe SDK triggers this httpx deprecation warning.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload raw bytes:DeprecationWarning"),
]

SURVEY = "What's your main reason for cancelling?"
CANCELLED = "Your subscription is cancelled"
CHANGED = "Done: your subscription was changed"
STEPS = [SURVEY, "First offers", "Second offers", "Tell us", "Sure?"]


def session_of(world: World, person: Person) -> Row:
    [found] = sessions_of(world, person)
    return found


def leaves(world: World, person: Person) -> bool:
    return bool(world.stripe.subscriptions.retrieve(person.subscription_id).cancel_at_period_end)


def writes(world: World, person: Person) -> list[Row]:
    """Return the writes that Stripe carried out."""
    found = world.simulator.writes(person.subscription_id)
    return [each for each in found if each["status"] == 200 and not each["replayed"]]


def pause_in_dashboard(world: World, person: Person) -> None:
    """Pause billing in Stripe, and wait until its event is dealt with; a request would be refused until then."""
    world.stripe.subscriptions.update(person.subscription_id, {"pause_collection": {"behavior": "void"}})
    done = "SELECT FROM change_requests WHERE user_id = %s AND kind = 'pause' AND outcome = 'changed'"
    eventually(lambda: world.rows(done, person.user_id))


def offers_in(visitor: Visitor) -> dict[str, list[Row]]:
    """Return the choices of each offer on the page, by its id."""
    found: dict[str, list[Row]] = {}
    for value, _ in visitor.options:
        offer, choice = json.loads(value)
        found.setdefault(offer, []).append(choice)
    return found


def shown(path: list[tuple[str, Row]]) -> list[str]:
    """Return the screens of a path; of a step with offers its name too."""
    return [detail["step"] for kind, detail in path if kind in ("step_shown", "offer_shown")]


# Opening


def test_a_subscription_that_has_ended_in_stripe_is_refused_and_our_row_corrected(
    world: World, visitor: Visitor
) -> None:
    person = world.person("professional")
    with world.simulator.losing_webhooks():
        world.stripe.subscriptions.cancel(person.subscription_id)
        visitor.open(token(person))

    assert visitor.title == "You have no active subscription"
    assert sessions_of(world, person) == []
    row = world.row("SELECT status FROM subscriptions WHERE id = %s", person.subscription_id)
    assert row["status"] == "canceled"
    assert world.rows("SELECT FROM cancellation_requests WHERE user_id = %s", person.user_id) == []


def test_a_session_is_recorded_even_with_nothing_to_offer(company: Company, guest: Visitor) -> None:
    person = subscriber(company.world, plan="legacy", price=price_of(company.world, "contract"))
    guest.open(token(person))
    guest.press("next", reason="wants_all")

    assert guest.title == "Tell us"
    session = session_of(company.world, person)
    assert (session["outcome"], session["blueprint"], session["blueprint_version"]) == (None, "default", 1)
    assert (session["subscription_id"], session["livemode"]) == (person.subscription_id, False)
    assert shown(path_of(company.world, person)) == ["survey", "feedback"]


def test_several_subscriptions_are_chosen_from(world: World, visitor: Visitor) -> None:
    person = world.person("two_subscriptions")
    visitor.open(token(person))
    assert visitor.title == "Which subscription do you want to cancel?"
    assert visitor.text.count("Professional") == visitor.text.count("Starter") == 1
    second = person.subscription_ids[1]
    assert session_of(world, person)["subscription_id"] is None
    assert visitor.press("cancel").status_code == 200
    assert visitor.title == "Which subscription do you want to cancel?"

    visitor.press("choose", subscription=second)
    assert visitor.title == SURVEY
    assert session_of(world, person)["blueprint"] == "default"
    visitor.press("cancel")

    assert visitor.title == CANCELLED
    assert world.stripe.subscriptions.retrieve(second).cancel_at_period_end
    assert not leaves(world, person)
    assert shown(path_of(world, person)) == ["choose", "survey"]


# The path


def without_repetitions(path: list[tuple[str, Row]]) -> list[tuple[str, Row]]:
    """Return the path with the last list of several in a row: an offer may become available between two looks."""
    following = [*(kind for kind, _ in path[1:]), ""]
    return [each for each, after in zip(path, following, strict=True) if not each[0] == after == "offer_shown"]


def test_each_decline_advances_exactly_one_step(company: Company, guest: Visitor) -> None:
    world, person = company.world, company.customer()
    guest.open(token(person))
    titles = [guest.title]
    places = []
    for filled in ({"reason": "wants_all", "text-wants_all": "More"}, {}, {}, {"text": "Too slow"}):
        guest.press("next", **filled)
        titles.append(guest.title)
        places.append(len(session_of(world, person)["progress"]["passed"]))
        assert guest.reload().status_code == 200
        assert guest.title == titles[-1]
    guest.press("cancel")

    assert (titles, places) == (STEPS, [1, 2, 3, 4])
    assert guest.title == CANCELLED
    path = without_repetitions(path_of(world, person))
    assert [kind for kind, _ in path] == [
        *("opened", "step_shown", "reason_chosen", "offer_shown", "offer_declined", "offer_shown", "offer_declined"),
        *("step_shown", "step_shown", "cancellation_requested"),
    ]
    assert shown(path) == ["survey", "offer", "offer", "feedback", "confirm"]
    offered = [detail["offers"] for kind, detail in path if kind == "offer_shown"]
    assert offered == [detail["offers"] for kind, detail in path if kind == "offer_declined"]
    assert not set(offered[0]) & set(offered[1])
    reason = world.row("SELECT * FROM cancellation_reasons WHERE user_id = %s", person.user_id)
    assert path[-1][1] == {"request_id": str(reason["request_id"])}
    assert (reason["category"], reason["feedback"]) == ("too_expensive", "More\n\nToo slow")
    assert not {"More", "slow"} & set(json.dumps(path).replace('"', " ").split())


@pytest.mark.parametrize("place", range(len(STEPS)))
def test_cancelling_takes_one_press_from_each_step(company: Company, guest: Visitor, place: int) -> None:
    person = company.customer()
    guest.open(token(person))
    for _ in range(place):
        guest.press("next", reason="wants_all")
    assert guest.title == STEPS[place]

    guest.press("cancel")

    assert guest.title == CANCELLED
    assert leaves(company.world, person)
    path = path_of(company.world, person)
    assert [kind for kind, _ in path].count("offer_declined") == min(place, 2)
    assert path[-1][0] == "cancellation_requested"
    assert session_of(company.world, person)["outcome"] == "cancelled"


def test_a_cancellation_is_recorded_before_any_offer_is_looked_at(company: Company, guest: Visitor) -> None:
    world, person = company.world, company.customer()
    guest.open(token(person))
    guest.press("next", reason="wants_all")
    assert guest.title == "First offers"
    seen = len(world.simulator.requests(contains=person.subscription_id))

    form = {**guest.hidden, "offers": f"{guest.hidden['offers']} of-nobody", "action": "cancel"}
    assert guest.http.post("/cancel", data=form, follow_redirects=False).status_code == 303

    calls = world.simulator.requests(contains=person.subscription_id)[seen:]
    assert {each["path"] for each in calls} & {f"/v1/subscriptions/{person.subscription_id}"}
    before = [each["path"] for each in calls[: [each["method"] == "POST" for each in calls].index(True) + 1]]
    assert "/v1/invoices/create_preview" not in before
    assert leaves(world, person)
    [declined] = [detail["offers"] for kind, detail in path_of(world, person) if kind == "offer_declined"]
    assert declined == guest.hidden["offers"].split()


def test_a_third_screen_with_offers_is_never_shown(company: Company, guest: Visitor) -> None:
    person = company.customer()
    guest.open(token(person))
    screens = []
    while guest.title != "Sure?":
        if guest.options:
            screens.append((guest.title, sorted(offers_in(guest))))
        guest.press("next", reason="wants_all")
        guest.open(token(person))
    assert [title for title, _ in screens] == ["First offers", "Second offers"]
    assert [kind for kind, _ in path_of(company.world, person)].count("offer_declined") == 2


def test_only_offers_that_fit_the_reason_are_shown(company: Company, guest: Visitor) -> None:
    person = company.customer()
    guest.open(token(person))
    guest.press("next", reason="wants_contact")
    assert list(offers_in(guest)) == ["talk"]
    guest.press("next")
    assert guest.title == "Tell us"


def test_a_page_that_was_shown_earlier_changes_nothing(company: Company, guest: Visitor) -> None:
    world, person = company.world, company.customer()
    guest.open(token(person))
    guest.press("next", reason="wants_pause")
    before = session_of(world, person)["progress"], path_of(world, person)

    guest.press("next", place="0", reason="wants_all")
    guest.press("notice")
    guest.press("resume")
    guest.press("back")
    guest.press("nonsense")
    guest.press("next", place="7")
    guest.http.post("/cancel", data={})

    assert (session_of(world, person)["progress"], path_of(world, person)) == before
    assert writes(world, person) == []
    assert guest.reload().status_code == 200
    assert guest.title == "Second offers"


def test_pressing_twice_at_the_same_time_is_one_request(world: World, visitor: Visitor) -> None:
    person = world.person("professional")
    visitor.open(token(person))
    form = {"action": "cancel", "place": "0", "reason": "unused"}

    pressed = concurrently(*[lambda: visitor.http.post("/cancel", data=form)] * 3)

    assert {each.status_code for each in pressed} <= {200, 202}
    visitor.reload()
    eventually(lambda: visitor.reload().status_code == 200)
    assert visitor.title == CANCELLED
    assert len(world.rows("SELECT FROM cancellation_requests WHERE user_id = %s", person.user_id)) == 1
    assert len(writes(world, person)) == 1
    assert len(world.emails(person)) == 1


def test_accepting_twice_at_the_same_time_is_one_change(world: World, visitor: Visitor) -> None:
    person = world.person("professional")
    visitor.open(token(person))
    visitor.press("next", reason="too_expensive")
    [value, *_] = [value for value, text in visitor.options if "30% off" in text]
    form = {**visitor.hidden, "accept": value}

    pressed = concurrently(*[lambda: visitor.http.post("/cancel", data=form)] * 3)

    assert {each.status_code for each in pressed} <= {200, 202}, [each.text for each in pressed]
    eventually(lambda: visitor.reload() and visitor.title == CHANGED)
    assert len(world.rows("SELECT FROM change_requests WHERE user_id = %s", person.user_id)) == 1
    assert len(writes(world, person)) == 1


def test_leaving_changes_nothing_and_forgets_the_session(world: World, visitor: Visitor) -> None:
    person = world.person("professional")
    visitor.open(token(person))
    visitor.press("leave")
    assert visitor.title == "Nothing was changed"
    assert path_of(world, person)[-1] == ("left", {})
    assert visitor.reload().status_code == 401
    assert world.simulator.writes(person.subscription_id) == []


# What the company requires

REQUIRED = """
steps:
  - survey:
      required: true
      reasons: [{code: price, meaning: Too expensive., label: Price, stripe: too_expensive}]
  - offer: {title: Talk to us, offers: [contact]}
  - feedback: {title: Tell us, required: true, min_length: 5}
"""


@pytest.mark.parametrize("button", ["cancel", "next"])
def test_what_is_required_is_filled_in_while_billing_is_paused(company: Company, guest: Visitor, button: str) -> None:
    world, person = company.world, company.customer()
    world.stripe.subscriptions.update(person.subscription_id, {"pause_collection": {"behavior": "void"}})
    with current(company, default=REQUIRED):
        guest.open(token(person))
        assert guest.title == "Your billing is paused"
        guest.press("cancel")
        assert (guest.title, guest.page.status_code) == (SURVEY, 200)
        guest.press(button)
        assert (guest.title, guest.page.status_code) == (SURVEY, 400)
        guest.press(button, reason="price")
        if button == "next":
            assert guest.title == "Your billing is paused"
            guest.press("cancel")
        assert (guest.title, guest.page.status_code) == ("Tell us", 200)
        guest.press("cancel", text="Slow")
        assert "at least 5 characters" in guest.text
        guest.press("cancel", text="Too slow")

    assert guest.title == CANCELLED, guest.text
    assert leaves(world, person)
    reason = world.row("SELECT category, feedback FROM cancellation_reasons WHERE user_id = %s", person.user_id)
    assert reason == {"category": "too_expensive", "feedback": "Too slow"}


@pytest.mark.parametrize("button", ["cancel", "next"])
def test_what_is_required_is_filled_in_after_an_offer_was_accepted(
    company: Company, guest: Visitor, button: str
) -> None:
    person = company.customer()
    with current(company, default=REQUIRED):
        guest.open(token(person))
        guest.press("next", reason="price")
        guest.accept("")
        thanks = guest.title
        assert thanks == "Thank you for giving us a chance to help"
        guest.press("cancel")
        assert (guest.title, guest.page.status_code) == ("Tell us", 200)
        guest.press(button)
        assert (guest.title, guest.page.status_code) == ("Tell us", 400)
        guest.press(button, text="Nobody called")
        if button == "next":
            assert guest.title == thanks
            guest.press("cancel")

    assert guest.title == CANCELLED, guest.text
    assert leaves(company.world, person)


def test_no_form_leads_past_what_is_required(company: Company, guest: Visitor) -> None:
    person = company.customer()
    with current(company, default=REQUIRED):
        guest.open(token(person))
        for button in ("next", "cancel"):
            guest.press(button, place="2", text="Past the survey")
            assert guest.title == SURVEY
    assert session_of(company.world, person)["progress"].get("passed", []) == []


# Whose session


def test_a_cookie_of_another_browser_opens_no_session(world: World) -> None:
    person, other = world.person("professional"), world.person("starter")
    with Visitor(world) as theirs, Visitor(world) as ours, Visitor(world) as nobody:
        theirs.open(token(person))
        ours.open(token(other))
        session, secret = theirs.http.cookies["cancelflow_session"].split(".", 1)
        own = ours.http.cookies["cancelflow_session"].split(".", 1)[1]
        for forged in (f"{session}.{own}", f"{session}.", session, f"{uuid4()}.{secret}", f"x.{secret}", "", "ä.ö"):
            headers = {b"Cookie": f"cancelflow_session={forged}".encode()}
            assert nobody.http.get("/cancel", headers=headers).status_code == 401
            form = {"action": "cancel", "place": "0"}
            assert nobody.http.post("/cancel", data=form, headers=headers).status_code == 401
        assert theirs.reload().status_code == 200
    assert not leaves(world, person)


def test_the_cookie_is_for_this_page_and_not_for_scripts(world: World, visitor: Visitor) -> None:
    person = world.person("professional")
    made = visitor.http.get("/cancel", params={"token": token(person)}, follow_redirects=False)
    assert made.status_code == 303
    assert {"HttpOnly", "SameSite=Lax"} <= set(made.headers["set-cookie"].split("; "))
    secret = made.cookies["cancelflow_session"].split(".", 1)[1]
    assert secret not in str(world.belongings(person.user_id))


# Outcomes


@pytest.mark.parametrize("kind", KINDS)
def test_an_accepted_offer_saves(company: Company, guest: Visitor, kind: str) -> None:
    world = company.world
    person = company.customer(trial_days=10 if kind == "trial_extension" else None)
    guest.open(token(person))
    guest.press("next", reason=f"wants_{kind}")
    offer = next(iter(offers_in(guest)))

    guest.accept("")

    linked = kind in ("contact", "redirect")
    assert guest.title == ("Thank you for giving us a chance to help" if linked else CHANGED)
    assert guest.page.status_code == 200
    if linked:
        assert 'href="https://help.example.com/t' in guest.page.text
    assert not leaves(world, person)
    assert len(writes(world, person)) == (0 if linked else 1) or kind == "plan_change"
    [request] = world.rows("SELECT * FROM change_requests WHERE user_id = %s", person.user_id)
    assert (request["kind"], request["outcome"]) == (kind, "changed")
    session = session_of(world, person)
    assert (session["outcome"], session["change_id"]) == (None if linked else "saved", request["id"])
    assert path_of(world, person)[-1] == ("offer_accepted", {"offer": offer, "request_id": str(request["id"])})
    assert guest.reload().status_code == 200

    assert "Cancel my subscription" in guest.page.text
    guest.press("cancel")  # a customer who was saved can still cancel

    assert session_of(world, person)["outcome"] == "cancelled"
    assert leaves(world, person)


def test_a_subscription_that_ends_now(world: World, visitor: Visitor) -> None:
    person = world.person("past_due")
    visitor.open(token(person))
    visitor.press("cancel")
    assert visitor.title == "Your subscription has ended"
    assert world.stripe.subscriptions.retrieve(person.subscription_id).status == "canceled"
    assert session_of(world, person)["outcome"] == "cancelled"


def test_a_manual_cancellation_is_received_and_never_called_cancelled(company: Company, guest: Visitor) -> None:
    world = company.world
    person = subscriber(world, plan="manual", price=price_of(world, "manual"))
    guest.open(token(person))

    guest.press("cancel")

    for _ in range(2):
        assert (guest.page.status_code, guest.title) == (202, "We've received your cancellation")
        assert "is cancelled" not in guest.text
        guest.reload()
    assert session_of(world, person)["outcome"] == "manual"
    assert world.simulator.writes(person.subscription_id) == []


def test_a_cancellation_that_fails_is_recorded_and_the_retry_is_the_same_request(
    world: World, visitor: Visitor
) -> None:
    person = world.person("professional")
    visitor.open(token(person))
    fault = {"kind": "status", "method": "POST", "path": "/v1/subscriptions/", "contains": person.subscription_id}
    with world.simulator.fault(**fault, times=0):
        visitor.press("cancel", reason="missing_features", **{"text-missing_features": "Export"})
        assert (visitor.page.status_code, visitor.title) == (500, "That did not work")
        assert "We recorded your request on" in visitor.text
        assert session_of(world, person)["outcome"] == "errored"
        assert visitor.reload().status_code == 500
    received = world.row("SELECT received_at FROM cancellation_requests WHERE user_id = %s", person.user_id)

    visitor.press("cancel")

    assert visitor.title == CANCELLED
    request = world.row("SELECT * FROM cancellation_requests WHERE user_id = %s", person.user_id)
    reason = world.row("SELECT * FROM cancellation_reasons WHERE user_id = %s", person.user_id)
    assert (reason["category"], reason["feedback"]) == ("missing_features", "Export")
    assert request["received_at"] == received["received_at"]
    assert session_of(world, person)["outcome"] == "cancelled"
    assert len(world.emails(person)) == 1


def test_an_operator_resumes_a_failed_session(world: World, visitor: Visitor) -> None:
    person = world.person("professional")
    visitor.open(token(person))
    fault = {"kind": "status", "method": "POST", "path": "/v1/subscriptions/", "contains": person.subscription_id}
    with world.simulator.fault(**fault, times=0):
        visitor.press("cancel")
    resume(load(DatabaseSettings), str(session_of(world, person)["cancellation_id"]))

    eventually(lambda: visitor.reload().status_code == 200)

    assert visitor.title == CANCELLED
    assert session_of(world, person)["outcome"] == "cancelled"


def test_a_change_that_fails_leads_back_and_can_be_accepted_again(world: World, visitor: Visitor) -> None:
    person = world.person("professional")
    visitor.open(token(person))
    visitor.press("next", reason="too_expensive")
    offers = visitor.title
    fault = {"kind": "status", "method": "POST", "path": "/v1/subscriptions/", "contains": person.subscription_id}
    with world.simulator.fault(**fault, times=0):
        visitor.accept("30% off")
        assert (visitor.page.status_code, visitor.title) == (500, "That did not work")
        assert session_of(world, person)["outcome"] == "errored"
    visitor.press("back")
    assert visitor.title == offers
    assert session_of(world, person)["outcome"] is None

    visitor.accept("30% off")

    assert visitor.title == CHANGED, visitor.text
    assert session_of(world, person)["outcome"] == "saved"
    assert len(world.stripe.subscriptions.retrieve(person.subscription_id).discounts) == 1
    visitor.press("back")  # an old page's
    assert session_of(world, person)["outcome"] == "saved"


def test_a_slow_cancellation_is_in_progress_and_then_done(world: World, visitor: Visitor) -> None:
    person = world.person("schedule_managed")
    visitor.open(token(person))
    slow = {"kind": "delay", "seconds": 2.2, "method": "*", "contains": person.subscription_id, "times": 0}
    with world.simulator.fault(**slow):
        visitor.press("cancel")
    assert (visitor.page.status_code, visitor.title) == (202, "We're cancelling your subscription")
    assert visitor.page.headers["Refresh"] == "3"
    visitor.press("cancel")  # impatient

    eventually(lambda: visitor.reload().status_code == 200)

    assert visitor.title == CANCELLED
    assert "Refresh" not in visitor.page.headers
    assert len(world.rows("SELECT FROM cancellation_requests WHERE user_id = %s", person.user_id)) == 1


def under_way(world: World, person: Person) -> UUID:
    """Insert a cancellation that takes long."""
    made = world.admin.execute(
        "INSERT INTO cancellation_requests (user_id, asked_user_id, accept_offer, asked_subscription, resume_at)"
        " VALUES (%(user)s, %(user)s, false, %(of)s, now() + interval '1 hour') RETURNING id",
        {"user": person.user_id, "of": person.subscription_id},
    ).fetchone()
    assert made
    request_id: UUID = made["id"]
    return request_id


def test_a_cancellation_that_is_refused_says_why_and_can_be_pressed_again(company: Company, guest: Visitor) -> None:
    world, person = company.world, company.customer()
    guest.open(token(person))
    other = under_way(world, person)

    guest.press("cancel")

    assert "A request for this subscription is already under way" in guest.text
    assert session_of(world, person)["outcome"] is None
    world.admin.execute("DELETE FROM cancellation_requests WHERE id = %s", [other])
    guest.press("cancel")
    assert guest.title == CANCELLED, guest.text
    assert session_of(world, person)["outcome"] == "cancelled"


def test_a_cancellation_that_is_refused_leaves_the_session_with_the_first(company: Company, guest: Visitor) -> None:
    world, person = company.world, company.customer()
    guest.open(token(person))
    first = under_way(world, person)
    world.admin.execute("UPDATE cancel_sessions SET cancellation_id = %s WHERE user_id = %s", [first, person.user_id])

    guest.press("cancel", reason="wants_all")

    assert "A request for this subscription is already under way" in guest.text
    assert guest.reload() and guest.title == "We're cancelling your subscription"
    world.admin.execute("UPDATE cancellation_requests SET resume_at = now() WHERE id = %s", [first])
    eventually(lambda: guest.reload() and guest.title == CANCELLED)
    assert session_of(world, person)["outcome"] == "cancelled"


def test_a_fixed_term_says_so_on_the_page(company: Company, guest: Visitor) -> None:
    world = company.world
    person = subscriber(world, plan="contract", price=price_of(world, "contract"), more={"cancel_at": 1_900_000_000})
    guest.open(token(person))
    guest.press("cancel")
    assert TERM in guest.text
    assert session_of(world, person)["outcome"] is None


def test_a_subscription_that_is_cancelled_already(world: World, visitor: Visitor) -> None:
    person = world.person("already_pending")
    visitor.open(token(person))
    assert (visitor.title, visitor.page.status_code) == (CANCELLED, 200)
    assert "It ends on" in visitor.text
    visitor.press("cancel")
    assert visitor.title == CANCELLED
    assert world.rows("SELECT FROM cancellation_requests WHERE user_id = %s AND origin = 'api'", person.user_id) == []


@pytest.mark.parametrize("bypass", [False, True])
def test_a_running_pause_is_told_unless_the_token_says_otherwise(world: World, visitor: Visitor, bypass: bool) -> None:
    person = world.person("professional")
    pause_in_dashboard(world, person)
    visitor.open(token(person, bypassPauseAppliedScreen=bypass))
    assert visitor.title == (SURVEY if bypass else "Your billing is paused")
    if not bypass:
        visitor.press("resume")
        assert visitor.title == CHANGED
        assert world.stripe.subscriptions.retrieve(person.subscription_id).pause_collection is None
    visitor.press("cancel")
    assert visitor.title == CANCELLED


def test_a_resumption_that_is_refused_says_why_and_can_be_pressed_again(world: World, visitor: Visitor) -> None:
    person = world.person("professional")
    pause_in_dashboard(world, person)
    visitor.open(token(person))
    other = world.admin.execute(
        "INSERT INTO reactivation_requests (user_id, asked_user_id, asked_subscription, origin, resume_at)"
        " VALUES (%(user)s, %(user)s, %(of)s, 'api', now() + interval '1 hour') RETURNING id",
        {"user": person.user_id, "of": person.subscription_id},
    ).fetchone()
    assert other

    visitor.press("resume")

    assert (visitor.title, visitor.page.status_code) == ("Your billing is paused", 400)
    assert "A request for this subscription is already under way" in visitor.text
    assert [kind for kind, _ in path_of(world, person)][-2:] == ["error", "step_shown"]
    world.admin.execute("DELETE FROM reactivation_requests WHERE id = %s", [other["id"]])
    visitor.press("resume")
    assert visitor.title == CHANGED, visitor.text
    assert session_of(world, person)["outcome"] == "saved"


@pytest.mark.parametrize("bypass", [False, True])
def test_a_running_discount_is_told_unless_the_token_says_otherwise(
    world: World, visitor: Visitor, bypass: bool
) -> None:
    person = world.person("already_discounted")
    visitor.open(token(person, bypassDiscountAppliedScreen=bypass))
    assert visitor.title == (SURVEY if bypass else "You already have a discount")
    if not bypass:
        visitor.press("notice")
        assert visitor.title == SURVEY
        assert visitor.reload().status_code == 200
        assert visitor.title == SURVEY
    visitor.press("cancel")
    assert visitor.title == CANCELLED


# Options


def test_without_a_record_only_the_outcome_is_kept(world: World, visitor: Visitor) -> None:
    person = world.person("professional")
    visitor.open(token(person, record=False, report=False))
    visitor.press("next", reason="too_expensive")
    visitor.press("cancel")
    session = session_of(world, person)
    assert (session["outcome"], path_of(world, person)) == ("cancelled", [])
    assert (session["options"]["record"], session["options"]["report"]) == (False, False)


def test_after_a_reactivation_elsewhere_the_same_session_cancels_again(world: World, visitor: Visitor) -> None:
    person = world.person("professional")
    visitor.open(token(person))
    visitor.press("cancel")
    assert visitor.title == CANCELLED
    body = {"user_id": person.user_id}
    back = world.http.post("/reactivate-subscription", json=body, headers=world.headers(person.user_id))
    assert back.status_code == 200, back.text

    visitor.reload()
    assert visitor.title == "Would this suit you better?"  # the survey was passed
    visitor.press("cancel")

    assert visitor.title == CANCELLED
    assert leaves(world, person)
    assert len(world.rows("SELECT FROM cancellation_requests WHERE user_id = %s", person.user_id)) == 2


def test_what_a_change_costs_is_said_in_the_language_of_the_token(world: World, visitor: Visitor) -> None:
    person = world.person("professional")
    visitor.open(token(person, i18n={"lang": "de"}))
    visitor.press("next", reason="too_expensive")
    [value, *_] = [value for value, text in visitor.options if "30" in text]
    visitor.page = visitor.http.post("/cancel", data={**visitor.hidden, "accept": value})
    assert "Sie zahlen jetzt nichts" in visitor.text, visitor.text


def test_a_preview_writes_nothing_and_sends_nothing(world: World, visitor: Visitor) -> None:
    person = world.person("professional")
    before = world.belongings(person.user_id)
    coupon = "cancelflow-professional-30pct-3m"
    with suppress(stripe.InvalidRequestError):  # no test before this one may have made it
        world.stripe.coupons.delete(coupon)
    with Visitor(world) as early:  # its offers need a coupon that Stripe doesn't have, and making it would be a write
        early.open(token(world.person("professional"), preview=True))
        early.press("next", reason="too_expensive")
        assert "30% off" not in early.text
        with pytest.raises(stripe.InvalidRequestError, match="No such coupon"):
            world.stripe.coupons.retrieve(coupon)
    with Visitor(world) as early:
        early.open(token(world.person("professional")))
        early.press("next", reason="too_expensive")
        assert "30% off" in early.text
    visitor.open(token(person, preview=True))
    visitor.press("next", reason="too_expensive")
    visitor.accept("30% off")
    assert visitor.title == "Preview: nothing was changed"
    assert f"POST /v1/subscriptions/{person.subscription_id} discounts" in visitor.text
    visitor.reload()
    visitor.press("cancel")
    assert f"POST /v1/subscriptions/{person.subscription_id} cancel_at_period_end=true" in visitor.text
    after = world.belongings(person.user_id)
    tables = ("cancellation_requests", "change_requests", "outbox", "audit_log", "retention_offers")
    assert {table: after[table] for table in tables} == {table: before[table] for table in tables}
    world.stripe.subscriptions.update(person.subscription_id, {"pause_collection": {"behavior": "void"}})
    written = world.simulator.writes(person.subscription_id)
    visitor.reload()
    assert visitor.title == "Your billing is paused"
    visitor.press("resume")
    assert visitor.title == "Preview: nothing was changed"

    assert world.simulator.writes(person.subscription_id) == written
    assert world.stripe.subscriptions.retrieve(person.subscription_id).pause_collection
    assert not world.rows("SELECT id FROM change_requests WHERE user_id = %s AND kind = 'resume'", person.user_id)
    assert session_of(world, person)["outcome"] is None


@pytest.mark.parametrize("offer", ["now", "later"])
def test_a_preview_tells_a_change_of_plan_now_from_a_later_one(company: Company, guest: Visitor, offer: str) -> None:
    person, solo = company.customer(), price(company.world, "solo")
    guest.open(token(person, preview=True))
    guest.press("next", reason="wants_plan_change")
    value = next(each for each, _ in guest.options if json.loads(each) == [offer, {"price": solo}])

    guest.press("", accept=value)

    assert guest.title == "Preview: nothing was changed"
    now = f"POST /v1/subscriptions/{person.subscription_id} items[0][price]={solo}"
    later = f"POST /v1/subscription_schedules … price={solo}"
    assert (now in guest.text, later in guest.text) == (offer == "now", offer == "later")


def offered(guest: Visitor, person: Person, reason: str, **dynamic: Any) -> dict[str, list[Row]]:
    guest.open(token(person, dynamicOffers=dynamic))
    guest.press("next", reason=reason)
    return offers_in(guest)


def test_a_coupon_of_the_token_replaces_the_discounts(company: Company, guest: Visitor) -> None:
    person = company.customer(unit="week")
    assert list(offered(guest, person, "wants_discount", discount={"couponId": LOYAL})) == ["loyal"]


def test_an_unknown_coupon_is_ignored(company: Company, guest: Visitor) -> None:
    person = company.customer(unit="week")
    found = offered(guest, person, "wants_discount", discount={"couponId": "unknown"})
    assert {"half", "fiver", "loyal"} <= found.keys(), list(found)


def test_only_prices_of_the_token_are_offered_even_if_others_are_posted(company: Company, guest: Visitor) -> None:
    world, person = company.world, company.customer()
    solo, firm = price(world, "solo"), price(world, "firm")
    found = offered(guest, person, "wants_plan_change", planChange={"planIds": [solo, "price_of_nobody"]})
    assert {choice["price"] for choices in found.values() for choice in choices} == {solo}

    for offer in found:
        for wanted in (firm, "price_of_nobody"):
            form = {**guest.hidden, "accept": json.dumps([offer, {"price": wanted}])}
            assert guest.http.post("/cancel", data=form).status_code == 400
    longer = json.dumps(["later", {"price": solo, "x": 1}])
    for nonsense in ("", "[]", "null", '["later"]', '["half", {}]', "{", longer):
        guest.http.post("/cancel", data={**guest.hidden, "accept": nonsense})
    assert world.rows("SELECT FROM change_requests WHERE user_id = %s", person.user_id) == []
    assert writes(world, person) == []


def test_attributes_that_are_not_declared_or_of_another_type_are_ignored(company: Company, guest: Visitor) -> None:
    person = company.customer()
    attributes = {"videosCreated": "many", "tier": "gold", "shoeSize": 43, "list": [1], "nothing": None}
    guest.open(token(person, customerAttributes=attributes))
    assert guest.title == SURVEY
    path = path_of(company.world, person)
    ignored = {detail["name"]: detail["why"] for kind, detail in path if kind == "attribute_ignored"}
    assert ignored.keys() == {"videosCreated", "shoeSize", "list", "nothing"}
    assert ignored["videosCreated"] == "it is not a number"
    assert "43" not in str(ignored)


def test_the_language_of_the_token(world: World, visitor: Visitor) -> None:
    person = world.person("professional")
    visitor.open(token(person, i18n={"lang": "de-AT"}))
    assert visitor.title == "Was ist der Hauptgrund für Ihre Kündigung?"
    visitor.open(token(world.person("professional"), i18n={"lang": "tlh"}))
    assert visitor.title == SURVEY


# Time


def test_a_session_without_activity_is_abandoned_and_a_late_return_resumes_it(world: World, visitor: Visitor) -> None:
    person = world.person("professional")

    def outcome(idle: str) -> Row:
        found = "SELECT session_outcome(s, %s::interval) AS outcome FROM cancel_sessions s WHERE user_id = %s"
        return world.row(found, idle, person.user_id)

    visitor.open(token(person))
    visitor.press("next", reason="too_expensive")
    title = visitor.title
    assert outcome("0 seconds") == {"outcome": "abandoned"}
    assert outcome("30 minutes") == {"outcome": None}
    world.admin.execute(
        "UPDATE cancel_sessions SET active_at = active_at - interval '3 hours' WHERE user_id = %s", [person.user_id]
    )
    assert session_of(world, person)["outcome"] == "abandoned"

    visitor.reload()
    assert (visitor.title, session_of(world, person)["outcome"]) == (title, None)
    visitor.press("cancel")
    assert session_of(world, person)["outcome"] == "cancelled"
