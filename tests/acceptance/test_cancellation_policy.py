"""A plan's policy for cancellations: the end, the refund and the access, as previewed (FEATURES C22, F16, F17)."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.acceptance.leaving import DAY, Company, company
from tests.acceptance.subscribers import Clock, clock
from tests.faults.unfinished import expire_lease, request_row, when_done
from tests.http.document import Document
from tests.waiting import eventually
from tests.world import Person, Row, World

# The Stripe SDK triggers this httpx deprecation warning.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload raw bytes:DeprecationWarning"),
]

PRICE = 5000
SPEC = {"success", "status", "cancel_at", "data_retention_until"}


@pytest.fixture(scope="module")
def ours(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    with company(world, tmp_path_factory.mktemp("company")) as running:
        yield running


def time_of(text: str) -> datetime:
    return datetime.fromisoformat(text)


def at(clock_time: int) -> str:
    return datetime.fromtimestamp(clock_time, UTC).isoformat()


def refunded_as_shown(ours: Company, person: Person) -> Row:
    """Cancel as previewed; check that Stripe, response, row and email have the refund of the preview, and return it."""
    shown = ours.preview(person).json()
    response = ours.cancel(person, as_of=shown["as_of"])
    assert response.status_code == 200, response.text
    notes = [each for each in ours.notes(person) if each["metadata"]]
    assert response.json()["refund"] == shown["refund"]
    assert sum(each["amount"] for each in notes) == (shown["refund"] or {"amount": 0})["amount"]
    for name in ("access_until", "data_retention_until"):
        assert response.json()[name] == shown[name]
    terms = request_row(ours.world, ours.world.request_id(response))["terms"]  # type: ignore[arg-type]
    recorded = [part["credit_note"] for part in (terms["refund"] or {"parts": []})["parts"]]
    assert sorted(recorded) == sorted(each["id"] for each in notes)
    return dict(shown)


# Each policy


def test_a_prorated_refund_returns_the_unused_time_as_shown(world: World, ours: Company) -> None:
    _, person = ours.customer_after("prorated", 6 * DAY)

    shown = refunded_as_shown(ours, person)

    found = world.stripe.subscriptions.retrieve(person.subscription_id)
    [item] = found.items.data
    length = item.current_period_end - item.current_period_start
    assert shown["refund"]["amount"] == (2 * PRICE * (length - 6 * DAY) + length) // (2 * length)
    assert shown["refund"]["formatted"] == f"${shown['refund']['amount'] / 100:.2f}"
    assert (found.status, shown["ends_now"], shown["invoices"]) == ("canceled", True, [])
    assert shown["ends_at"] == shown["access_until"] == shown["as_of"]
    [email] = world.emails(person)
    for text in (email["text"], email["html"]):
        assert f"We've refunded {shown['refund']['formatted']} to the payment method" in " ".join(text.split())


def test_a_full_refund_returns_what_was_paid(world: World, ours: Company) -> None:
    _, person = ours.customer_after("full", 20 * DAY)

    shown = refunded_as_shown(ours, person)

    assert shown["refund"] == {"amount": PRICE, "currency": "usd", "formatted": "$50.00"}
    [note] = ours.notes(person)
    assert (note["post_payment_amount"], len(note["refunds"])) == (PRICE, 1)


def test_a_full_refund_is_of_the_current_period_alone(ours: Company) -> None:
    _, person = ours.customer_after("full", 65 * DAY)
    assert refunded_as_shown(ours, person)["refund"]["amount"] == PRICE
    assert len(ours.notes(person)) == 1


def test_without_a_refund_the_subscription_only_ends(world: World, ours: Company) -> None:
    _, person = ours.customer_after("none", 6 * DAY)

    shown = refunded_as_shown(ours, person)

    assert (shown["refund"], shown["ends_now"]) == (None, True)
    assert world.stripe.subscriptions.retrieve(person.subscription_id).status == "canceled"
    [email] = world.emails(person)
    assert "refund" not in email["text"].lower()


def test_access_can_end_before_billing(world: World, ours: Company) -> None:
    _, person = ours.customer_after("access", 6 * DAY)

    shown = refunded_as_shown(ours, person)

    assert (shown["ends_now"], shown["access_until"]) == (False, shown["as_of"])
    assert time_of(shown["ends_at"]) > time_of(shown["as_of"])
    row = ours.http.get("/subscription", headers=person.headers).json()
    assert (row["status"], row["access"], row["cancel_at"]) == ("pending_cancellation", False, shown["ends_at"])
    [email] = world.emails(person)
    assert "you can't use it any more" in " ".join(email["text"].split())
    back = ours.http.post("/reactivate-subscription", json={"user_id": person.user_id}, headers=person.headers)
    assert back.status_code == 200
    assert ours.http.get("/subscription", headers=person.headers).json()["access"]


def test_a_plan_without_a_policy_responds_as_specified_and_can_be_previewed(world: World) -> None:
    person = world.person("professional")
    shown = world.http.get("/cancellation-preview", headers=person.headers)
    Document(world.http.get("/openapi.json").json()).check(shown, "/cancellation-preview")

    response = world.cancel(person, as_of=shown.json()["as_of"])

    assert response.json().keys() == SPEC
    assert (shown.json()["refund"], shown.json()["ends_now"], shown.json()["invoices"]) == (None, False, [])
    assert shown.json()["ends_at"] == shown.json()["access_until"] == response.json()["cancel_at"]
    assert shown.json()["data_retention_until"] == response.json()["data_retention_until"]


def test_the_event_has_access_and_refund(world: World, ours: Company) -> None:
    _, person = ours.customer_after("full", 6 * DAY)
    with world.listening() as listener:
        response = ours.cancel(person)
        event = eventually(lambda: listener.pull(world.request_id(response)))
    assert event is not None
    assert event["refund"] == {"amount": PRICE, "currency": "usd"}
    assert event["access_until"] == event["cancel_at"] == response.json()["access_until"]


# The preview equals the credit note, on any day and for any invoice


@pytest.mark.parametrize(
    "seconds", [0, 1, 3601, DAY, 7 * DAY + 12_345, 15 * DAY, 21 * DAY + 1, 27 * DAY, 28 * DAY - 60]
)
def test_the_refund_is_as_shown_on_any_day(ours: Company, seconds: int) -> None:
    _, person = ours.customer_after("prorated", seconds)
    refund = refunded_as_shown(ours, person)["refund"]
    assert refund is not None
    assert 0 < refund["amount"] <= PRICE


def coupon(world: World, **terms: Any) -> Row:
    return {"discounts": [{"coupon": world.stripe.coupons.create({"duration": "once", **terms}).id}]}  # type: ignore[arg-type]


SHAPES: dict[str, Callable[[World], Row]] = {
    "a percentage off": lambda world: {"more": coupon(world, percent_off=33.3)},
    "an amount off": lambda world: {"more": coupon(world, amount_off=1234, currency="usd")},
    "everything off": lambda world: {"more": coupon(world, percent_off=100)},
    "several seats": lambda _: {"quantity": 7},
    "yen": lambda _: {"price": {"currency": "jpy", "unit_amount": 4999}},
    "a year": lambda _: {"price": {"recurring": {"interval": "year"}, "unit_amount": 60_001}},
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("plan", ["prorated", "full"])
def test_the_refund_is_as_shown_for_any_invoice(world: World, ours: Company, plan: str, shape: str) -> None:
    _, person = ours.customer_after(plan, 11 * DAY + 17, **SHAPES[shape](world))
    [paid] = world.stripe.invoices.list({"subscription": person.subscription_id}).data

    refund = refunded_as_shown(ours, person)["refund"]

    if shape == "everything off":
        assert refund is None
        return
    assert refund["currency"] == paid.currency
    assert 0 < refund["amount"] <= paid.amount_paid
    assert (refund["amount"] == paid.amount_paid) is (plan == "full")
    if shape == "yen":
        assert refund["formatted"] == f"¥{refund['amount']:,}"


@pytest.mark.parametrize("plan", ["prorated", "full"])
@pytest.mark.parametrize("how", ["a refund", "a credit note", "credit"])
def test_what_was_returned_before_is_not_returned_again(world: World, ours: Company, plan: str, how: str) -> None:
    _, person = ours.customer_after(plan, 3 * DAY)
    [paid] = world.stripe.invoices.list({"subscription": person.subscription_id, "expand": ["data.payments"]}).data
    assert paid.payments
    if how == "a refund":
        intent = str(paid.payments.data[0].payment.payment_intent)
        world.stripe.refunds.create({"payment_intent": intent, "amount": 4000})
    else:
        way = "refund_amount" if how == "a credit note" else "credit_amount"
        world.stripe.credit_notes.create({"invoice": paid.id, "amount": 4000, way: 4000})  # type: ignore[misc]

    assert refunded_as_shown(ours, person)["refund"]["amount"] == PRICE - 4000


def test_what_was_paid_outside_of_stripe_is_not_returned(world: World, ours: Company) -> None:
    more = {"collection_method": "send_invoice", "days_until_due": 30}
    _, person = ours.customer_after("full", DAY, card=None, more=more)
    [sent] = world.stripe.invoices.list({"subscription": person.subscription_id}).data
    world.stripe.invoices.pay(sent.id, {"paid_out_of_band": True})

    assert refunded_as_shown(ours, person)["refund"] is None


@pytest.mark.parametrize(("plan", "refund"), [("prorated", 7500), ("full", 12_500)])
def test_a_change_within_the_period_is_refunded_with_it(world: World, ours: Company, plan: str, refund: int) -> None:
    """An upgrade from 100 to 150 dollars after half of the period costs 25, and 75 are left of it."""
    on, person = ours.customer_after(plan, 0, price={"unit_amount": 10_000})
    [item] = world.stripe.subscriptions.retrieve(person.subscription_id).items.data
    on.advance(on.now + (item.current_period_end - item.current_period_start) // 2)
    dearer = ours.price(plan, unit_amount=15_000)
    world.stripe.subscriptions.update(
        person.subscription_id,
        {"items": [{"id": item.id, "price": dearer}], "proration_behavior": "always_invoice"},
    )

    shown = refunded_as_shown(ours, person)

    assert shown["refund"]["amount"] == refund
    assert len(ours.notes(person)) == 2


@pytest.mark.parametrize("plan", ["prorated", "full"])
def test_of_several_intervals_a_full_refund_is_of_the_newest_invoice(world: World, ours: Company, plan: str) -> None:
    """A monthly item of 50 dollars and a yearly one of 600, after three invoices: the first was for both."""
    monthly = ours.price(plan)
    yearly = ours.price(plan, unit_amount=60_000, recurring={"interval": "year"})
    more = {"items": [{"price": monthly}, {"price": yearly}], "billing_mode": {"type": "flexible"}}
    _, person = ours.customer_after(plan, 75 * DAY, more=more)
    assert len(world.stripe.invoices.list({"subscription": person.subscription_id}).data) == 3

    shown = refunded_as_shown(ours, person)

    if plan == "full":
        assert shown["refund"]["amount"] == PRICE
    else:
        assert PRICE < shown["refund"]["amount"] < 60_000
        assert len(ours.notes(person)) == 3


def test_an_unpaid_change_is_voided_and_its_unused_time_not_returned(world: World, ours: Company) -> None:
    """Half of a period that cost 100 dollars is left; the upgrade to 150 was never paid."""
    on, person = ours.customer_after("prorated", 0, price={"unit_amount": 10_000})
    found = world.stripe.subscriptions.retrieve(person.subscription_id)
    [item] = found.items.data
    on.advance(on.now + (item.current_period_end - item.current_period_start) // 2)
    failing_from_now_on(world, person)
    dearer = ours.price("prorated", unit_amount=15_000)
    world.stripe.subscriptions.update(
        person.subscription_id,
        {"items": [{"id": item.id, "price": dearer}], "proration_behavior": "always_invoice"},
    )
    assert world.stripe.subscriptions.retrieve(person.subscription_id).status == "past_due"

    shown = refunded_as_shown(ours, person)

    assert (shown["ends_now"], shown["refund"]["amount"]) == (True, 5000)
    assert [each["outcome"] for each in shown["invoices"]] == ["voided"]
    [email] = world.emails(person)
    assert "We've cancelled your open invoice. You don't owe it" in " ".join(email["text"].split())


# Each status


def test_a_trial_ends_and_refunds_nothing(world: World, ours: Company) -> None:
    _, person = ours.customer_after("full", DAY, trial_days=14)

    shown = refunded_as_shown(ours, person)

    assert (shown["ends_now"], shown["refund"]) == (True, None)
    assert world.stripe.subscriptions.retrieve(person.subscription_id).status == "canceled"


def failing_from_now_on(world: World, person: Person) -> None:
    """Replace the customer's card by one whose charges fail."""
    customer = str(world.stripe.subscriptions.retrieve(person.subscription_id).customer)
    card = world.stripe.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer})
    world.stripe.customers.update(customer, {"invoice_settings": {"default_payment_method": card.id}})


def past_due(ours: Company, plan: str, days: int = 33) -> Person:
    """Return a customer whose renewal could not be collected."""
    at, person = ours.customer_after(plan, DAY)
    customer = str(ours.world.stripe.subscriptions.retrieve(person.subscription_id).customer)
    card = ours.world.stripe.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer})
    ours.world.stripe.customers.update(customer, {"invoice_settings": {"default_payment_method": card.id}})
    at.advance(at.now + days * DAY)
    return person


def test_an_unpaid_period_is_voided_and_not_refunded(world: World, ours: Company) -> None:
    person = past_due(ours, "full")

    shown = refunded_as_shown(ours, person)

    assert (shown["ends_now"], shown["refund"]) == (True, None)
    assert shown["invoices"] == [
        {"amount_due": {"amount": PRICE, "currency": "usd", "formatted": "$50.00"}, "outcome": "voided"}
    ]
    statuses = [each.status for each in world.stripe.invoices.list({"subscription": person.subscription_id}).data]
    assert statuses == ["void", "paid"]


def test_an_unpaid_period_that_stays_owed_is_kept(world: World, ours: Company) -> None:
    person = past_due(ours, "keeping")

    shown = refunded_as_shown(ours, person)

    assert (shown["ends_now"], shown["refund"], shown["invoices"][0]["outcome"]) == (False, None, "kept")
    found = world.stripe.subscriptions.retrieve(person.subscription_id)
    assert (found.status, found.cancel_at_period_end) == ("past_due", True)


def test_a_sent_invoice_that_is_still_to_be_paid_keeps_its_period(ours: Company) -> None:
    more = {"collection_method": "send_invoice", "days_until_due": 30}
    _, person = ours.customer_after("full", DAY, card=None, more=more)
    shown = refunded_as_shown(ours, person)
    assert (shown["ends_now"], shown["refund"], shown["invoices"][0]["outcome"]) == (False, None, "kept")


def test_a_fixed_term_ends_with_its_period(world: World, ours: Company) -> None:
    on = clock(world)
    person = ours.customer("full", on=on, more={"cancel_at": on.now + 330 * DAY})
    shown = refunded_as_shown(ours, person)
    assert (shown["ends_now"], shown["refund"]) == (False, None)


def test_a_scheduled_change_is_dropped_and_the_period_refunded(world: World, ours: Company) -> None:
    _, person = ours.customer_after("full", DAY)
    schedule = world.stripe.subscription_schedules.create({"from_subscription": person.subscription_id})

    assert refunded_as_shown(ours, person)["refund"]["amount"] == PRICE

    assert world.stripe.subscription_schedules.retrieve(schedule.id).status == "released"
    [email] = world.emails(person)
    assert "plan change scheduled" in " ".join(email["text"].split())


# The preview's time


def test_the_refund_is_as_shown_half_an_hour_ago(ours: Company) -> None:
    on, person = ours.customer_after("prorated", 5 * DAY, price={"unit_amount": 1_000_000})
    shown = ours.preview(person).json()
    on.advance(on.now + 1800)
    assert ours.preview(person).json()["refund"] != shown["refund"]

    response = ours.cancel(person, as_of=shown["as_of"])

    assert response.json()["refund"] == shown["refund"]
    assert [each["amount"] for each in ours.notes(person)] == [shown["refund"]["amount"]]


def too_old(on: Clock) -> int:
    on.advance(on.now + 3700)
    return on.now - 3700


def of_another_period(on: Clock) -> int:
    """Return a time half an hour ago, before a renewal a quarter of an hour ago."""
    [subscription] = on.world.stripe.subscriptions.list({"test_clock": on.id}).data
    on.advance(subscription.items.data[0].current_period_end + 900)
    return on.now - 1800


def in_the_future(on: Clock) -> int:
    return on.now + 60


@pytest.mark.parametrize("plan", ["prorated", "usual"])
@pytest.mark.parametrize("wrong", [too_old, of_another_period, in_the_future])
def test_an_expired_preview_is_refused_and_changes_nothing(
    world: World, ours: Company, plan: str, wrong: Callable[[Clock], int]
) -> None:
    on, person = ours.customer_after(plan, 5 * DAY)
    as_of = at(wrong(on))
    before = world.simulator.writes(person.subscription_id)

    response = ours.cancel(person, as_of=as_of)

    assert (response.status_code, response.json()["type"]) == (409, "urn:cancelflow:problem:preview-expired")
    assert world.simulator.writes(person.subscription_id) == before
    assert ours.notes(person) == []
    assert world.belongings(person.user_id)["cancellation_reasons"] == []
    assert ours.cancel(person).status_code == 200


@pytest.mark.parametrize("as_of", ["2026-01-01T00:00:00", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
def test_a_time_without_a_zone_or_of_another_age_is_refused(ours: Company, as_of: str) -> None:
    person = ours.customer("prorated")
    response = ours.cancel(person, as_of=as_of)
    assert (response.status_code, response.json()["detail"][:5]) == (400, "as_of")


def test_previews_are_refused_like_cancellations(ours: Company) -> None:
    person = ours.customer("usual")
    assert ours.cancel(person).status_code == 200
    again = ours.preview(person)
    assert (again.status_code, again.json()["detail"]) == (409, "Subscription already scheduled for cancellation")
    _, left = ours.customer_after("full", DAY)
    assert ours.cancel(left).json()["status"] == "canceled"
    assert ours.preview(left).status_code == 404


# Once


def test_two_concurrent_cancellations_refund_once(ours: Company) -> None:
    _, person = ours.customer_after("full", DAY)
    with ThreadPoolExecutor(2) as threads:
        both = list(threads.map(lambda _: ours.cancel(person), range(2)))
    assert sorted(each.status_code for each in both) in ([200, 404], [200, 409])
    assert [each["amount"] for each in ours.notes(person)] == [PRICE]


FAULTS: dict[str, Row] = {
    "500": {"kind": "status", "times": 2},
    "a stored 500": {"kind": "status", "stored": True, "times": 2},
    "no connection": {"kind": "refuse", "times": 2},
    "a false 200": {"kind": "lie"},
    "a lost response": {"kind": "lost_answer", "times": 2},
    "a lost response, then 500": {"kind": "lost_answer", "after": "500", "times": 2},
}


@pytest.mark.parametrize("fault", FAULTS)
def test_an_outage_of_the_credit_note_is_made_up_for_once(world: World, ours: Company, fault: str) -> None:
    on, person = ours.customer_after("prorated", 10 * DAY)
    shown = ours.preview(person).json()["refund"]["amount"]
    [paid] = world.stripe.invoices.list({"subscription": person.subscription_id}).data
    with world.simulator.fault(method="POST", path="/v1/credit_notes", contains=paid.id, **FAULTS[fault]) as hits:
        response = ours.cancel(person)
        assert hits() > 0
    assert response.status_code in (200, 202), response.text
    assert world.stripe.subscriptions.retrieve(person.subscription_id).status == "canceled"
    on.advance(on.now + 3 * DAY)
    request_id: Any = world.request_id(response)
    if response.status_code == 202:
        expire_lease(world, request_id)

    done = when_done(world, request_id)

    assert (done["outcome"], done["response"]["refund"]["amount"]) == ("canceled", shown)
    assert [each["amount"] for each in ours.notes(person)] == [shown]
    assert len(world.emails(person)) == 1


def test_a_request_killed_between_the_end_and_the_refund_refunds_what_was_decided(world: World, ours: Company) -> None:
    _, person = ours.customer_after("prorated", 10 * DAY)
    [paid] = world.stripe.invoices.list({"subscription": person.subscription_id}).data
    with world.simulator.fault(kind="status", times=0, method="POST", path="/v1/credit_notes", contains=paid.id):
        request_id: Any = world.request_id(ours.cancel(person))
        decided = request_row(world, request_id)["terms"]
    assert decided["refund"]["parts"][0]["credit_note"] is None
    expire_lease(world, request_id)

    done = when_done(world, request_id)

    assert done["response"]["refund"]["amount"] == decided["refund"]["parts"][0]["amount"]
    assert len(ours.notes(person)) == 1


def test_a_delay_over_a_renewal_reverses_it_and_refunds_what_was_decided_before(world: World, ours: Company) -> None:
    on, person = ours.customer_after("prorated", 10 * DAY)
    shown = ours.preview(person).json()["refund"]["amount"]
    with world.simulator.fault(kind="timeout", times=0, method="DELETE", contains=person.subscription_id):
        response = ours.cancel(person)
    request_id: Any = world.request_id(response)
    assert request_row(world, request_id)["terms"]["refund"]["parts"][0]["amount"] == shown
    on.advance(on.now + 25 * DAY)
    world.admin.execute(
        "UPDATE cancellation_requests SET outcome = NULL, http_status = NULL, response = NULL, finished_at = NULL,"
        " resume_at = now() WHERE id = %s",
        [request_id],
    )

    done = when_done(world, request_id)

    assert (done["outcome"], done["renewal_undone"]) == ("canceled", True)
    assert sorted(each["amount"] for each in ours.notes(person)) == [shown, PRICE]
