"""Actions that the company's page says that it carried out: they count if Stripe shows them (FEATURES C15 to C17)."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from nodes.rules.ways_to_stay import DiscountTerms
from tests.acceptance.stripe_hook import change
from tests.cancel_page.visitor import Visitor, path_of, sessions_of, token
from tests.offers.catalog import price
from tests.offers.company import Company
from tests.waiting import eventually
from tests.world import Person, Row, World

# The Stripe SDK triggers this httpx deprecation warning.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload raw bytes:DeprecationWarning"),
]

EVERY = ["pause", "discount", "plan_change", "trial_extension", "cancel", "support", "redirect"]
CANCELLED = "Your subscription is cancelled"
CHANGED = "Done: your subscription was changed"
SORRY = "<b>Done</b> & dusted"
ESCAPED = "&lt;b&gt;Done&lt;/b&gt; &amp; dusted"
UNDECLARED = "This page can't do that itself. Nothing was changed"
UNSEEN = "We couldn't confirm this with our payment provider, so nothing was recorded. Try again"


def at_offers(guest: Visitor, person: Person, kind: str, *handlers: str) -> str:
    """Go to the step that offers a kind of change; return the value of its first button."""
    guest.open(token(person, handlers=list(handlers)))
    guest.press("next", reason=f"wants_{kind}")
    return guest.options[0][0]


def handle(guest: Visitor, handled: str = "1", message: str = SORRY, **pressed: str) -> None:
    """Submit the page's form as a page does that has carried out what was pressed."""
    form = {**guest.hidden, "handled": handled, "handled_message": message, **pressed}
    guest.page = guest.http.post("/cancel", data=form)


def own_writes(company: Company, person: Person) -> list[Row]:
    """Return cancelflow's writes to the subscription, which have the key of a request."""
    ids = [str(each["id"]) for each in company.world.rows("SELECT id FROM requests WHERE user_id = %s", person.user_id)]
    found = company.world.simulator.writes(person.subscription_id)
    return [each for each in found if str(each["idempotency_key"]).partition(":")[0] in ids]


def requests_of(company: Company, person: Person) -> list[Row]:
    return company.world.rows(
        """SELECT outcome, http_status, carried_out_by FROM change_requests WHERE user_id = %s UNION ALL
        SELECT outcome, http_status, carried_out_by FROM cancellation_requests WHERE user_id = %s""",
        person.user_id,
        person.user_id,
    )


def outcome_of(company: Company, person: Person) -> str | None:
    [session] = sessions_of(company.world, person)
    return str(session["outcome"]) if session["outcome"] else None


def audited(company: Company, person: Person) -> list[tuple[Any, ...]]:
    rows = company.world.rows("SELECT * FROM audit_log WHERE user_id = %s ORDER BY id", person.user_id)
    return [(each["outcome"], each["problem"], each["carried_out_by"]) for each in rows]


# What the company's page does: a coupon of the offer, and a pause of its own length.
MADE = {
    "discount": {"coupon_id": DiscountTerms("forever", percent_off=10).coupon_id},
    "pause": {"resumes_at": (datetime.now(UTC) + timedelta(days=29)).isoformat()},
    "plan_change": {"price_id": "firm"},
    "trial_extension": {"trial_ends_at": (datetime.now(UTC) + timedelta(days=30)).isoformat()},
}


@pytest.fixture(autouse=True)
def without_the_stacks_own_trigger(request: pytest.FixtureRequest, world: World) -> Iterator[None]:
    """Keep Stripe's events from the stack's trigger, which would email the company's customers too."""
    if "company" not in request.fixturenames:
        yield
        return
    with world.simulator.losing_webhooks():
        yield


def make(company: Company, person: Person, kind: str) -> None:
    terms = dict(MADE[kind])
    if kind == "plan_change":
        terms["price_id"] = price(company.world, "firm")
    change(company.world, kind, {"subscription_id": person.subscription_id, **terms})


def value_for(guest: Visitor, company: Company, kind: str) -> str:
    """Return the button of the offer that MADE fits."""
    wanted = {"discount": "always", "pause": "pause", "plan_change": "now", "trial_extension": "longer-trial"}[kind]
    for value, _ in guest.options:
        offer, choice = json.loads(value)
        if offer == wanted and choice.get("price", price(company.world, "firm")) == price(company.world, "firm"):
            return value
    raise AssertionError(f"no {wanted} in {guest.options}")


@pytest.mark.parametrize("kind", list(MADE))
def test_a_change_that_stripe_shows_counts(company: Company, guest: Visitor, kind: str) -> None:
    person = company.customer(trial_days=14 if kind == "trial_extension" else None)
    at_offers(guest, person, kind, kind)
    value = value_for(guest, company, kind)
    make(company, person, kind)

    handle(guest, accept=value)

    assert guest.title == CHANGED, guest.text
    assert ESCAPED in guest.page.text
    assert requests_of(company, person) == [{"outcome": "changed", "http_status": 200, "carried_out_by": "page"}]
    assert own_writes(company, person) == []
    assert outcome_of(company, person) == "saved"
    assert audited(company, person) == [("changed", None, "page")]
    [email] = company.world.emails(person)
    if kind == "pause":
        paused = company.subscription(person).pause_collection
        assert paused is not None
        assert paused.resumes_at is not None
        assert f"{datetime.fromtimestamp(paused.resumes_at, UTC):%B} " in email["subject"]
    events = "SELECT kind FROM outbox WHERE user_id = %s AND kind = 'subscription.changed'"
    assert len(company.world.rows(events, person.user_id)) == 1


def test_a_change_of_plan_that_is_scheduled_counts(company: Company, guest: Visitor) -> None:
    person = company.customer()
    at_offers(guest, person, "plan_change", "plan_change")
    solo = price(company.world, "solo")
    value = next(each for each, _ in guest.options if json.loads(each) == ["later", {"price": solo}])
    schedules, item = company.world.stripe.subscription_schedules, {"price": price(company.world, "team")}
    made = schedules.create({"from_subscription": person.subscription_id})
    phase = made.phases[0]
    first = {"items": [item], "start_date": phase.start_date, "end_date": phase.end_date}
    phases: Any = [first, {"items": [{"price": solo}]}]
    schedules.update(made.id, {"phases": phases})

    handle(guest, accept=value)

    assert (guest.title, outcome_of(company, person)) == (CHANGED, "saved")
    [email] = company.world.emails(person)
    assert email["subject"].startswith("Your plan changes to Solo on")


def test_a_cancellation_that_stripe_shows_counts(company: Company, guest: Visitor) -> None:
    person = company.customer()
    guest.open(token(person, handlers=["cancel"]))
    change(company.world, "cancel", {"subscription_id": person.subscription_id})

    handle(guest, action="cancel", reason="wants_all", **{"text-wants_all": "Too slow"})

    assert guest.title == CANCELLED
    assert ESCAPED in guest.page.text
    [request] = requests_of(company, person)
    assert request == {"outcome": "pending_cancellation", "http_status": 200, "carried_out_by": "page"}
    assert own_writes(company, person) == []
    assert (outcome_of(company, person), len(company.world.emails(person))) == ("cancelled", 1)
    assert audited(company, person) == [("pending_cancellation", None, "page")]
    [reason] = company.world.rows("SELECT * FROM cancellation_reasons WHERE user_id = %s", person.user_id)
    assert (reason["category"], reason["feedback"]) == ("too_expensive", "Too slow")


def test_an_immediate_end_counts_too(company: Company, guest: Visitor) -> None:
    person = company.customer()
    guest.open(token(person, handlers=["cancel"]))
    change(company.world, "cancel", {"subscription_id": person.subscription_id, "when": "now"})
    handle(guest, action="cancel")
    assert (guest.title, outcome_of(company, person)) == ("Your subscription has ended", "cancelled")
    assert own_writes(company, person) == []


@pytest.mark.parametrize(("kind", "handler"), [("contact", "support"), ("redirect", "redirect")])
def test_a_page_leads_to_support_or_elsewhere_itself(company: Company, guest: Visitor, kind: str, handler: str) -> None:
    person = company.customer()
    value = at_offers(guest, person, kind, handler)
    handle(guest, accept=value)
    assert guest.title == "Thank you for giving us a chance to help"
    assert ESCAPED in guest.page.text
    assert "help.example.com" not in guest.page.text
    assert requests_of(company, person) == [{"outcome": "changed", "http_status": 200, "carried_out_by": "page"}]


@pytest.mark.parametrize("kind", [*MADE, "cancel"])
def test_a_claim_that_stripe_does_not_show_fails_and_can_be_tried_again(
    company: Company, guest: Visitor, kind: str
) -> None:
    person = company.customer(trial_days=14 if kind == "trial_extension" else None)
    if kind == "cancel":
        guest.open(token(person, handlers=["cancel"]))
        pressed = {"action": "cancel"}
    else:
        at_offers(guest, person, kind, kind)
        pressed = {"accept": value_for(guest, company, kind)}

    handle(guest, **pressed)

    assert (guest.title, guest.page.status_code) == ("That did not work", 409)
    assert UNSEEN in guest.text
    assert requests_of(company, person) == [{"outcome": "failed", "http_status": 409, "carried_out_by": "page"}]
    assert outcome_of(company, person) == "errored"
    assert audited(company, person) == [("failed", "action-not-seen", "page")]
    assert company.world.emails(person) == []
    assert own_writes(company, person) == []
    assert company.world.rows("SELECT FROM retention_offers WHERE user_id = %s", person.user_id) == []

    if kind == "cancel":
        change(company.world, "cancel", {"subscription_id": person.subscription_id})
    else:
        guest.press("back")
        make(company, person, kind)
    handle(guest, **pressed)
    assert guest.title == (CANCELLED if kind == "cancel" else CHANGED)
    assert own_writes(company, person) == []


@pytest.mark.parametrize("handled", ["1", "0"])
@pytest.mark.parametrize("kind", ["pause", "cancel"])
def test_what_the_token_does_not_declare_is_refused(company: Company, guest: Visitor, kind: str, handled: str) -> None:
    person = company.customer()
    others = [each for each in EVERY if each != kind]
    value = at_offers(guest, person, "pause", *others)
    pressed = {"action": "cancel"} if kind == "cancel" else {"accept": value}

    handle(guest, handled, **pressed)

    assert guest.page.status_code == 400
    assert UNDECLARED in guest.text
    assert requests_of(company, person) == []
    assert audited(company, person) == [("refused", "handler-not-declared", None)]
    assert ("error", {"handler": kind}) in path_of(company.world, person)
    assert outcome_of(company, person) is None
    assert own_writes(company, person) == []


@pytest.mark.parametrize("kind", ["pause", "cancel"])
def test_a_rejected_promise_shows_its_message_and_changes_nothing(company: Company, guest: Visitor, kind: str) -> None:
    person = company.customer()
    value = at_offers(guest, person, "pause", "pause", "cancel")
    title = guest.title

    handle(guest, "0", **({"action": "cancel"} if kind == "cancel" else {"accept": value}))

    assert (guest.title, guest.page.status_code) == (title, 400)
    assert ESCAPED in guest.page.text
    assert ("error", {"handler": kind}) in path_of(company.world, person)
    assert requests_of(company, person) == []
    assert audited(company, person) == []
    guest.press("cancel")
    assert guest.title == CANCELLED


def test_without_the_pages_claim_cancelflow_carries_it_out(company: Company, guest: Visitor) -> None:
    person = company.customer()
    value = at_offers(guest, person, "pause", *EVERY)
    guest.page = guest.http.post("/cancel", data={**guest.hidden, "accept": value})
    assert guest.title == CHANGED
    [request] = requests_of(company, person)
    assert request["carried_out_by"] == "cancelflow"
    assert len(own_writes(company, person)) == 1


@pytest.mark.parametrize("accept", ["", "x", "[]", "{}", '["pause"]', '["none", {}]', '["pause", 5]', "[" * 5000])
def test_what_is_no_button_changes_nothing(company: Company, guest: Visitor, accept: str) -> None:
    person = company.customer()
    at_offers(guest, person, "pause", *EVERY)
    title = guest.title
    handle(guest, accept=accept)
    assert (guest.title, requests_of(company, person)) == (title, [])


def test_a_token_with_an_unknown_handler_is_invalid(company: Company, guest: Visitor) -> None:
    guest.open(token(company.customer(), handlers=["refund"]))
    assert (guest.page.status_code, guest.title) == (401, "This link is not valid")


def test_an_event_of_stripes_that_comes_first_belongs_to_the_session(world: World, visitor: Visitor) -> None:
    person = world.person("professional")
    visitor.open(token(person, handlers=["pause"]))
    until = (datetime.now(UTC) + timedelta(days=40)).isoformat()
    change(world, "pause", {"subscription_id": person.subscription_id, "resumes_at": until})
    done = "SELECT id FROM change_requests WHERE user_id = %s AND origin = 'stripe' AND outcome = 'changed'"
    [request] = eventually(lambda: world.rows(done, person.user_id))
    offers = world.http.get("/offers", headers=person.headers).json()["offers"]
    assert [each for each in offers if each["kind"] == "pause"] == []

    handle(visitor, accept=json.dumps(["pause", {"months": 1}]))

    assert visitor.title == CHANGED
    [session] = sessions_of(world, person)
    assert (session["outcome"], session["change_id"]) == ("saved", request["id"])
    assert len(world.rows("SELECT FROM change_requests WHERE user_id = %s", person.user_id)) == 1
    assert len(world.emails(person)) == 1


def test_an_event_about_a_cancellation_that_comes_first_gets_the_reason(world: World, visitor: Visitor) -> None:
    person = world.person("professional")
    visitor.open(token(person, handlers=["cancel"]))
    change(world, "cancel", {"subscription_id": person.subscription_id})
    done = "SELECT id FROM cancellation_requests WHERE user_id = %s AND outcome = 'pending_cancellation'"
    [request] = eventually(lambda: world.rows(done, person.user_id), within=60)

    handle(visitor, action="cancel", reason="too_expensive")

    assert visitor.title == CANCELLED
    [session] = sessions_of(world, person)
    assert (session["outcome"], session["cancellation_id"]) == ("cancelled", request["id"])
    [reason] = world.rows("SELECT category FROM cancellation_reasons WHERE request_id = %s", request["id"])
    assert reason["category"] == "too_expensive"
    assert len(world.emails(person)) == 1
