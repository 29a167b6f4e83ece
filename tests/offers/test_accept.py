"""Accepting an offer: the response, Stripe, our rows, the email and the event, for each kind."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
import stripe

from tests.acceptance.consumer import body, consuming
from tests.offers.catalog import LOYAL, price
from tests.offers.company import DAY, Company, at, when
from tests.waiting import concurrently
from tests.world import Person, Row

START = at(2027, 1, 15, 9)
ALL = ["retention-offer", "half", "fiver", "always", "loyal", "personal", "long"]


def member(company: Company, *, after: int = 10 * DAY, **given: Any) -> Person:
    """Create a customer on a stopped clock, ten days into their period."""
    clock = company.clock(START)
    person = company.customer(on=clock, **given)
    clock.advance(START + after)
    return person


def accepted(company: Company, person: Person, offer: str, **chosen: Any) -> Row:
    """Accept an offer as it was shown, and return the response."""
    response = company.accept(person, offer, as_of=company.shown(person)["as_of"], **chosen)
    assert response.status_code == 200, response.text
    found: Row = response.json()
    return found


def writes(company: Company, person: Person) -> list[Row]:
    """Return the writes that mention the subscription; a preview is a POST that writes nothing."""
    found = company.world.simulator.writes(person.subscription_id)
    return [each for each in found if each["path"] != "/v1/invoices/create_preview"]


def recorded(company: Company, person: Person, action: str, offer: str | None, kind: str) -> Row:
    """Return the only request, after checking it and its audit row."""
    company.world.tried(person)
    [request] = company.world.rows("SELECT * FROM change_requests WHERE user_id = %s", person.user_id)
    assert (request["kind"], request["offer_id"], request["origin"]) == (kind, offer, "api")
    assert (request["outcome"], request["http_status"], request["recovery_point"]) == ("changed", 200, "finished")
    assert (request["subscription_id"], request["plan"]) == (person.subscription_id, "team")
    [audit] = company.world.rows("SELECT * FROM audit_log WHERE user_id = %s", person.user_id)
    assert (audit["action"], audit["outcome"], audit["http_status"]) == (action, "changed", 200)
    assert (audit["request_id"], audit["subscription_id"]) == (request["id"], person.subscription_id)
    assert audit["stripe_request_id"] == request["stripe_request_id"]
    assert (request["stripe_request_id"] is None) == (kind in ("contact", "redirect"))
    return request


def email_of(company: Company, person: Person) -> tuple[str, str]:
    """Return the subject and text of the only email."""
    [email] = company.world.emails(person)
    return email["subject"], " ".join(email["text"].split())


def test_a_discount(company: Company) -> None:
    person = member(company)
    with consuming() as consumer:
        response = accepted(company, person, "half")
        request = recorded(company, person, "accept_discount", "half", "discount")
        [event] = map(body, consumer.everything_of(person.user_id))

    assert list(response) == ["success", "change", "offer_id", "subscription_id", "preview"]
    assert (response["change"], response["offer_id"]) == ("discount", "half")
    [discount] = company.subscription(person, "discounts").discounts
    assert isinstance(discount, stripe.Discount)
    coupon = company.world.stripe.coupons.retrieve(str(discount.source.coupon))
    assert (coupon.percent_off, coupon.duration, coupon.duration_in_months) == (50, "repeating", 3)
    assert (coupon.name, coupon.max_redemptions) == ("50% off for 3 months", None)
    [write] = writes(company, person)
    assert write["idempotency_key"] == f"{request['id']}:4A:1"
    assert write["request_id"] == request["stripe_request_id"]
    offer = company.world.row("SELECT * FROM retention_offers WHERE user_id = %s", person.user_id)
    assert (offer["state"], offer["percent_off"], offer["months"]) == ("applied", 50, 3)
    assert (offer["coupon_id"], offer["stripe_discount_id"], offer["cooldown_months"]) == (coupon.id, discount.id, 6)
    assert request["remind_at"] == datetime(2027, 4, 11, 9, tzinfo=UTC)  # 14 days before April 25
    subject, text = email_of(company, person)
    assert subject == "Your discount is confirmed: 50% off for 3 months"
    assert "Plan: Team Flow Your discount: 50% off for 3 months Charged now: Nothing" in text
    assert "Next charge: $24.50 on February 15, 2027" in text
    assert "Price after the discount: $49.00 from May 15, 2027" in text
    assert (event["event"], event["change"], event["offer_id"]) == ("subscription.changed", "discount", "half")
    assert (event["request_id"], event["subscription_id"]) == (str(request["id"]), person.subscription_id)


def test_a_pause(company: Company) -> None:
    person = member(company)
    with consuming() as consumer:
        response = accepted(company, person, "pause", months=2)
        request = recorded(company, person, "pause_subscription", "pause", "pause")
        [event] = map(body, consumer.everything_of(person.user_id))

    assert (response["change"], response["resumes_at"], response["access"]) == ("pause", "2027-03-25T09:00:00Z", False)
    paused = company.subscription(person).pause_collection
    assert paused is not None
    assert (paused.behavior, paused.resumes_at) == ("void", at(2027, 3, 25, 9))
    assert request["remind_at"] == datetime(2027, 3, 20, 9, tzinfo=UTC)  # 5 days before
    subject, text = email_of(company, person)
    assert subject == "Your Team Flow plan is paused until March 25, 2027"
    assert "You can't use Team Flow while it's paused." in text
    assert "Billing resumes on: March 25, 2027 at 9:00 AM" in text
    assert "Next charge: $49.00 on April 15, 2027" in text
    assert "You can resume at any time. Resume now: http" in text
    assert (event["change"], event["resumes_at"]) == ("pause", "2027-03-25T09:00:00Z")


def test_a_change_of_plan_at_the_end_of_the_period(company: Company) -> None:
    person, solo = member(company), price(company.world, "solo")
    with consuming() as consumer:
        response = accepted(company, person, "later", price=solo)
        request = recorded(company, person, "change_plan", "later", "plan_change")
        [event] = map(body, consumer.everything_of(person.user_id))

    assert (response["price"], response["starts_at"]) == (solo, "2027-02-15T09:00:00Z")
    found = company.subscription(person, "schedule")
    assert found.items.data[0].price.id == price(company.world, "team")
    assert isinstance(found.schedule, stripe.SubscriptionSchedule)
    assert found.schedule.end_behavior == "release"
    assert [phase["items"][0].price for phase in found.schedule.phases] == [price(company.world, "team"), solo]
    [begun] = writes(company, person)
    assert begun["idempotency_key"].endswith(":4C:begin:1")
    [planned] = company.world.simulator.writes(f"/v1/subscription_schedules/{found.schedule.id}")
    assert planned["idempotency_key"].endswith(":4C:1")
    assert request["stripe_request_id"] == planned["request_id"]
    subject, text = email_of(company, person)
    assert subject == "Your plan changes to Solo on February 15, 2027"
    assert "You'll stay on Team Flow until February 15, 2027. Then you'll move to Solo." in text
    assert "Next charge: $19.00 on February 15, 2027" in text
    assert (event["change"], event["starts_at"]) == ("plan_change", "2027-02-15T09:00:00Z")
    in_effect = company.shown(person)["in_effect"]
    assert in_effect == [
        {
            "kind": "plan_change",
            "until": "2027-02-15T09:00:00Z",
            "text": "Your plan changes on February 15, 2027.",
        }
    ]


def test_a_change_of_plan_now(company: Company) -> None:
    person, firm = member(company), price(company.world, "firm")

    response = accepted(company, person, "prorated", price=firm)

    recorded(company, person, "change_plan", "prorated", "plan_change")
    assert company.subscription(person).items.data[0].price.id == firm
    row = company.world.row("SELECT plan FROM subscriptions WHERE id = %s", person.subscription_id)
    assert row["plan"] == "firm"
    charged = response["preview"]["charged_now"]
    assert company.invoices(person)[-1].amount_paid == charged["amount"] > 0
    subject, text = email_of(company, person)
    assert subject == "Your plan is now Firm"
    assert "You've moved from Team Flow to Firm." in text
    assert f"Charged now: {charged['formatted']}" in text


def test_a_cheaper_plan_now_credits_the_unused_time(company: Company) -> None:
    person = member(company)

    response = accepted(company, person, "prorated", price=price(company.world, "solo"))

    charged = response["preview"]["charged_now"]["amount"]
    assert charged < 0
    customer = company.world.stripe.customers.retrieve(company.customer_id(person))
    assert customer.balance == charged
    _, text = email_of(company, person)
    assert f"Charged now: Nothing Credit for unused time: ${-charged / 100:.2f}" in text


def test_a_longer_trial_once_per_customer(company: Company) -> None:
    person = member(company, after=5 * DAY, trial_days=14)

    response = accepted(company, person, "longer-trial")

    recorded(company, person, "extend_trial", "longer-trial", "trial_extension")
    assert response["trial_ends_at"] == "2027-02-08T09:00:00Z"
    found = company.subscription(person)
    assert (found.status, found.trial_end) == ("trialing", at(2027, 2, 8, 9))
    subject, text = email_of(company, person)
    assert subject == "Your Team Flow trial now ends on February 8, 2027"
    assert "Next charge: $49.00 on February 8, 2027" in text

    assert "longer-trial" not in company.offered(person)
    refused(company, person, "longer-trial", reason="trial_extended")


@pytest.mark.parametrize(("offer", "kind", "page"), [("talk", "contact", "talk"), ("tips", "redirect", "tips")])
def test_a_link_leads_to_the_companys_page(company: Company, offer: str, kind: str, page: str) -> None:
    person = company.customer()

    response = accepted(company, person, offer)

    assert response == {
        "success": True,
        "change": kind,
        "offer_id": offer,
        "subscription_id": person.subscription_id,
        "url": f"https://help.example.com/{page}",
    }
    recorded(company, person, f"choose_{kind}", offer, kind)
    assert writes(company, person) == []
    assert company.world.emails(person) == []


# Kinds of discount


def coupon_of(company: Company, person: Person) -> stripe.Coupon:
    [discount] = company.subscription(person, "discounts").discounts
    assert isinstance(discount, stripe.Discount)
    return company.world.stripe.coupons.retrieve(str(discount.source.coupon))


def test_an_amount_off_once(company: Company) -> None:
    person = member(company)
    accepted(company, person, "fiver")
    coupon = coupon_of(company, person)
    assert (coupon.amount_off, coupon.currency, coupon.duration, coupon.percent_off) == (500, "usd", "once", None)
    subject, text = email_of(company, person)
    assert subject == "Your discount is confirmed: $5.00 off your next invoice"
    assert "Price after the discount: $49.00 from March 15, 2027" in text
    assert company.world.row("SELECT remind_at FROM change_requests WHERE user_id = %s", person.user_id) == {
        "remind_at": None
    }


def test_a_discount_forever(company: Company) -> None:
    person = member(company)
    response = accepted(company, person, "always")
    assert response["preview"]["price_again"] is None
    assert coupon_of(company, person).duration == "forever"
    subject, text = email_of(company, person)
    assert subject == "Your discount is confirmed: 10% off every invoice"
    assert "Price after the discount" not in text


def test_the_companys_own_coupon(company: Company) -> None:
    person = member(company)
    accepted(company, person, "loyal")
    assert coupon_of(company, person).id == LOYAL


def test_a_coupon_for_one_customer_cannot_be_used_again(company: Company) -> None:
    person, another = company.customer(), company.customer()
    accepted(company, person, "personal")

    coupon = coupon_of(company, person)

    request = company.world.row("SELECT id, received_at FROM change_requests WHERE user_id = %s", person.user_id)
    assert coupon.id == f"cancelflow-{request['id']}"
    assert (coupon.percent_off, coupon.max_redemptions, coupon.times_redeemed) == (40, 1, 1)
    assert coupon.redeem_by is not None
    assert 0 < coupon.redeem_by - request["received_at"].timestamp() <= 3600 + 60
    with pytest.raises(stripe.InvalidRequestError):
        company.world.stripe.subscriptions.update(another.subscription_id, {"discounts": [{"coupon": coupon.id}]})


def test_wf_023s_offer_grants_its_entitlement(company: Company) -> None:
    person = member(company)
    accepted(company, person, "retention-offer")
    granted = company.world.row("SELECT * FROM entitlements WHERE user_id = %s", person.user_id)
    assert (granted["kind"], granted["subscription_id"]) == ("priority_support", person.subscription_id)
    assert granted["starts_at"] == datetime(2027, 1, 25, 9, tzinfo=UTC)
    assert granted["ends_at"] == datetime(2027, 3, 25, 9, tzinfo=UTC)
    subject, _ = email_of(company, person)
    assert subject == "Your discount is confirmed: 15% off for 2 months and priority support"


def cancel(company: Company, person: Person, **body: Any) -> Row:
    posted = {"user_id": person.user_id, "reason": "unused", **body}
    response = company.http.post("/cancel-subscription", json=posted, headers=person.headers)
    return {"status": response.status_code, **response.json()}


@pytest.mark.parametrize("offer", ["retention-offer", "fiver"])
def test_a_discount_counts_for_the_cooldown_of_wf_023s_offer(company: Company, offer: str) -> None:
    person = company.customer()
    accepted(company, person, offer)

    shown = company.http.get("/retention-offer", headers=person.headers).json()

    assert shown == {"retention_offer": None, "show_offer": False}
    assert cancel(company, person, accept_offer=True)["type"] == "urn:cancelflow:problem:offer-unavailable"
    assert len(writes(company, person)) == 1


def test_wf_023s_offer_accepted_while_cancelling_counts_for_every_discount(company: Company) -> None:
    clock = company.clock(START)
    person = company.customer(on=clock)
    assert cancel(company, person, accept_offer=True)["discount"] == "15% off"
    refused(company, person, "half", reason="already_discounted")
    clock.advance(START + 100 * DAY)  # the discount is over, the cool-down is not
    before = len(writes(company, person))

    assert not set(ALL) & set(company.offered(person))
    refused(company, person, "retention-offer", reason="used_before", wrote=before)
    refused(company, person, "fiver", reason="used_before", wrote=before)


# Accepted twice


def test_the_same_key_gets_the_same_response(company: Company) -> None:
    person, key = member(company), str(uuid4())

    first, again = (company.accept(person, "pause", key=key, months=1) for _ in range(2))

    assert (first.status_code, first.content) == (again.status_code, again.content)
    assert first.headers["Change-Request-Id"] == again.headers["Change-Request-Id"]
    assert len(writes(company, person)) == 1
    assert len(company.world.emails(person)) == 1
    other = company.accept(person, "pause", key=key, months=2)
    assert (other.status_code, other.json()["type"]) == (422, "urn:cancelflow:problem:key-reused")


@pytest.mark.parametrize(
    ("offer", "chosen", "reason"),
    [
        ("half", {}, "already_discounted"),
        ("personal", {}, "already_discounted"),
        ("pause", {"months": 1}, "already_paused"),
        ("later", {"price": ("solo", "month")}, "scheduled"),
    ],
)
def test_a_second_acceptance_is_refused(company: Company, offer: str, chosen: dict[str, Any], reason: str) -> None:
    person = member(company)
    if "price" in chosen:
        chosen = {"price": price(company.world, *chosen["price"])}
    accepted(company, person, offer, **chosen)
    before = len(writes(company, person))

    refused(company, person, offer, reason=reason, wrote=before, **chosen)

    assert len(company.world.emails(person)) == 1


def test_a_second_change_now_to_the_same_price_is_refused(company: Company) -> None:
    person, year = member(company), price(company.world, "team", "year")
    accepted(company, person, "now", price=year)
    before = len(writes(company, person))

    again = company.accept(person, "now", price=year)

    assert (again.status_code, again.json()["type"]) == (409, "urn:cancelflow:problem:price-not-offered")
    assert year not in again.json()["prices"]
    assert len(writes(company, person)) == before


@pytest.mark.parametrize(("offer", "chosen"), [("half", {}), ("personal", {}), ("pause", {"months": 1})])
def test_two_acceptances_at_the_same_time_have_one_effect(company: Company, offer: str, chosen: dict[str, Any]) -> None:
    person = member(company)

    first, second = concurrently(*[lambda: company.accept(person, offer, **chosen)] * 2)

    assert 200 in (first.status_code, second.status_code)
    assert {first.status_code, second.status_code} <= {200, 409}
    assert len([each for each in writes(company, person) if each["path"].startswith("/v1/subscriptions/")]) == 1
    assert len(company.world.emails(person)) == 1


def test_two_different_offers_at_the_same_time_have_one_effect(company: Company) -> None:
    person = member(company)

    responses = concurrently(lambda: company.accept(person, "half"), lambda: company.accept(person, "fiver"))

    assert sorted(each.status_code for each in responses) == [200, 409]
    assert len(company.subscription(person).discounts) == 1
    assert len(company.world.emails(person)) == 1


# Refusals


def refused(
    company: Company, person: Person, offer: str, *, reason: str, wrote: int | None = None, **chosen: Any
) -> Row:
    """Accept an offer, check that it is refused for the reason and nothing is written, and return the problem."""
    before = len(writes(company, person)) if wrote is None else wrote
    response = company.accept(person, offer, **chosen)
    problem: Row = response.json()
    assert (response.status_code, problem["type"]) == (409, "urn:cancelflow:problem:offer-not-available"), problem
    assert problem["reason"] == reason
    assert set(company.offered(person)) <= set(problem["offers"])
    assert offer not in problem["offers"] or reason in ("preview_expired", "changes_nothing")
    assert len(writes(company, person)) == before
    request = company.request(response)
    assert (request["outcome"], request["recovery_point"]) == ("refused", "received")
    [audit] = company.world.rows("SELECT * FROM audit_log WHERE request_id = %s", request["id"])
    assert (audit["outcome"], audit["http_status"], audit["problem"]) == ("refused", 409, "offer-not-available")
    status = company.http.get(f"/changes/{request['id']}", headers=person.headers)
    assert (status.status_code, status.json()) == (409, problem)
    return problem


def test_what_was_changed_between_the_look_and_the_acceptance_counts(company: Company) -> None:
    person = member(company)
    as_of = company.shown(person)["as_of"]
    company.world.stripe.subscriptions.update(person.subscription_id, {"pause_collection": {"behavior": "void"}})

    problem = refused(company, person, "half", reason="already_paused", as_of=as_of)

    assert problem["detail"] == "This offer is not available: the subscription is already paused"
    assert problem["offers"] == ["talk", "tips"]


@pytest.mark.parametrize(
    ("change", "offer", "reason"),
    [
        ({"cancel_at_period_end": True}, "pause", "pending_cancellation"),
        ({"discounts": [{"coupon": LOYAL}]}, "half", "already_discounted"),
        ({"trial_end": at(2027, 3, 1)}, "pause", "trialing"),
    ],
    ids=["cancelled", "discounted", "on-trial"],
)
def test_each_change_in_stripe_refuses_what_no_longer_fits(
    company: Company, change: Any, offer: str, reason: str
) -> None:
    person = member(company)
    as_of = company.shown(person)["as_of"]
    company.world.stripe.subscriptions.update(person.subscription_id, change)
    chosen = {"months": 1} if offer == "pause" else {}
    refused(company, person, offer, reason=reason, as_of=as_of, **chosen)


def test_no_offer_is_accepted_while_a_cancellation_is_pending(company: Company) -> None:
    person = company.customer()
    assert cancel(company, person)["status"] == "pending_cancellation"
    before = len(writes(company, person))
    for offer, chosen in (("half", {}), ("pause", {"months": 1}), ("talk", {})):
        refused(company, person, offer, reason="pending_cancellation", wrote=before, **chosen)
    assert company.shown(person)["offers"] == []


def test_no_offer_is_accepted_while_a_cancellation_is_under_way(company: Company) -> None:
    person = company.customer()
    company.world.admin.execute(
        "INSERT INTO cancellation_requests (user_id, asked_user_id, accept_offer, reason, resume_at)"
        " VALUES (%s, %s, false, 'unused', now() + interval '1 hour')",
        [person.user_id, person.user_id],
    )

    response = company.accept(person, "half")

    assert (response.status_code, response.json()["type"]) == (409, "urn:cancelflow:problem:request-under-way")
    assert writes(company, person) == []
    audit = company.world.row("SELECT * FROM audit_log WHERE user_id = %s", person.user_id)
    assert (audit["action"], audit["outcome"], audit["problem"]) == ("accept_discount", "refused", "request-under-way")


@pytest.mark.parametrize("offer", ["no-such-offer", "only-solo"])
def test_an_unknown_offer_is_not_found(company: Company, offer: str) -> None:
    person = company.customer()
    response = company.accept(person, offer)
    assert (response.status_code, response.json()["type"]) == (404, "urn:cancelflow:problem:offer-not-found")
    assert writes(company, person) == []
    audit = company.world.row("SELECT * FROM audit_log WHERE user_id = %s", person.user_id)
    assert (audit["outcome"], audit["http_status"], audit["problem"]) == ("refused", 404, "offer-not-found")


def test_another_users_subscription_is_not_found(company: Company) -> None:
    person, another = company.customer(), company.customer()
    response = company.accept(person, "half", subscription_id=another.subscription_id)
    assert (response.status_code, response.json()["type"]) == (404, "urn:cancelflow:problem:no-active-subscription")
    assert writes(company, another) == []
    request_id = response.headers["Change-Request-Id"]
    assert company.http.get(f"/changes/{request_id}", headers=another.headers).status_code == 404


@pytest.mark.parametrize("other", ["own", "unlisted", "unknown", "none"])
def test_a_price_that_is_not_offered(company: Company, other: str) -> None:
    person, world = member(company), company.world
    prices = {
        "own": price(world, "team"),
        "unlisted": price(world, "solo", "year"),
        "unknown": "price_of_somebody_else",
    }
    chosen = {"price": prices[other]} if other in prices else {}

    response = company.accept(person, "later", **chosen)

    assert (response.status_code, response.json()["type"]) == (409, "urn:cancelflow:problem:price-not-offered")
    offered = [price(world, "solo"), price(world, "team", "year"), price(world, "firm")]
    assert response.json()["prices"] == offered
    assert writes(company, person) == []


@pytest.mark.parametrize("chosen", [{"months": 4}, {"weeks": 2}, {}, {"months": 1, "weeks": 2}, {"price": "price_1"}])
def test_a_duration_outside_the_limits_is_refused_with_the_limits(company: Company, chosen: dict[str, Any]) -> None:
    person = company.customer()

    response = company.accept(person, "pause", **chosen)

    problem = response.json()
    assert (response.status_code, problem["type"]) == (400, "urn:cancelflow:problem:duration-not-offered")
    assert problem["detail"] == "months must be from 1 to 3"
    assert (problem["least"], problem["most"], problem["unit"]) == (1, 3, "month")
    assert writes(company, person) == []


@pytest.mark.parametrize(("offer", "chosen"), [("half", {"months": 2}), ("talk", {"price": "price_1"})])
def test_a_choice_that_the_offer_does_not_take_is_refused(company: Company, offer: str, chosen: dict[str, Any]) -> None:
    person = company.customer()

    response = company.accept(person, offer, **chosen)

    assert (response.status_code, response.json()["detail"]) == (400, "This offer takes no months, weeks or price")
    assert writes(company, person) == []


@pytest.mark.parametrize(
    "invalid",
    [
        {"months": 0},
        {"months": "two"},
        {"weeks": -1},
        {"price": "not a price"},
        {"as_of": "yesterday"},
        {"as_of": "2027-01-25T09:00:00"},
        {"as_of": "0001-01-01T00:00:00+14:00"},
        {"as_of": "9999-12-31T23:59:59-14:00"},
        {"months": 1, "surprise": True},
    ],
    ids=str,
)
def test_an_invalid_body_names_what_is_wrong(company: Company, invalid: dict[str, Any]) -> None:
    person = company.customer()
    response = company.accept(person, "pause", **invalid)
    assert response.status_code == 400, response.text
    assert list(invalid)[-1] in response.json()["detail"]
    assert writes(company, person) == []
    audit = company.world.row("SELECT * FROM audit_log WHERE user_id = %s", person.user_id)
    assert (audit["outcome"], audit["http_status"]) == ("refused", 400)


@pytest.mark.parametrize("ago", [3601, -1, 11 * DAY], ids=["expired", "future", "before-the-period"])
def test_a_preview_that_does_not_hold_any_more(company: Company, ago: int) -> None:
    person = member(company)
    as_of = datetime.fromtimestamp(when(company.shown(person)["as_of"]) - ago, UTC).isoformat()
    refused(company, person, "half", reason="preview_expired", as_of=as_of)


def test_a_preview_holds_for_an_hour(company: Company) -> None:
    person = member(company)
    as_of = datetime.fromtimestamp(when(company.shown(person)["as_of"]) - 3600, UTC).isoformat()
    assert company.accept(person, "half", as_of=as_of).status_code == 200


def test_an_offer_that_would_change_nothing_is_refused(company: Company) -> None:
    person = member(company)
    # Two weeks end before the next invoice; six don't.
    assert "break" in refused(company, person, "break", reason="changes_nothing", weeks=2)["offers"]
    quarterly = member(company, unit="month", count=3)
    assert "break" not in refused(company, quarterly, "break", reason="changes_nothing", weeks=6)["offers"]


@pytest.mark.parametrize("offer", ["now", "prorated"])
def test_a_declined_payment_changes_nothing(company: Company, offer: str) -> None:
    person = member(company)
    customer, before = company.customer_id(person), company.subscription(person)
    card = company.world.stripe.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer})
    company.world.stripe.customers.update(customer, {"invoice_settings": {"default_payment_method": card.id}})

    response = company.accept(person, offer, price=price(company.world, "team", "year"))

    assert (response.status_code, response.json()["type"]) == (402, "urn:cancelflow:problem:payment-declined")
    after = company.subscription(person)
    assert (after.items.data[0].price.id, after.status) == (before.items.data[0].price.id, "active")
    assert after.items.data[0].current_period_end == before.items.data[0].current_period_end
    assert [each.status for each in company.invoices(person)] == ["paid"]
    assert company.request(response)["outcome"] == "refused"
    row = company.world.row("SELECT plan, status FROM subscriptions WHERE id = %s", person.subscription_id)
    assert (row["plan"], row["status"]) == ("team", "active")
    assert company.world.emails(person) == []


# Pauses


def test_a_pause_is_ended_early_and_not_begun_again_before_its_cooldown(company: Company) -> None:
    clock = company.clock(START)
    person = company.customer(on=clock)
    accepted(company, person, "pause", months=3)
    company.world.tried(person)
    clock.advance(START + 10 * DAY)
    with consuming() as consumer:
        response = company.resume(person)
        company.world.tried(person)
        [event] = map(body, consumer.everything_of(person.user_id))

    assert response.status_code == 200, response.text
    assert (response.json()["change"], response.json()["offer_id"]) == ("resume", None)
    assert company.subscription(person).pause_collection is None
    assert company.request(response)["kind"] == "resume"
    emails = company.world.emails(person)
    assert {each["subject"] for each in emails} == {
        "Your Team Flow plan is paused until April 15, 2027",
        "Your Team Flow plan has resumed",
    }
    assert (event["event"], event["change"]) == ("subscription.changed", "resume")
    assert not event["offer_id"]

    before = len(writes(company, person))
    again = company.resume(person)
    assert (again.status_code, again.json()["reason"]) == (409, "not_paused")
    refused(company, person, "pause", reason="used_before", months=1, wrote=before)
    clock.advance(at(2027, 7, 25, 8))  # six calendar months after January 25, less an hour
    refused(company, person, "pause", reason="used_before", months=1, wrote=before)
    clock.advance(at(2027, 7, 25, 9))
    accepted(company, person, "pause", months=1)


def test_a_pause_without_a_cooldown_can_follow_another(company: Company) -> None:
    person = member(company)
    accepted(company, person, "break", weeks=4)
    assert company.resume(person).status_code == 200
    accepted(company, person, "break", weeks=4)


def test_events_of_one_customer_arrive_in_order(company: Company) -> None:
    person = member(company)
    with consuming() as consumer:
        accepted(company, person, "half")
        company.world.tried(person)
        accepted(company, person, "break", weeks=4)
        company.world.tried(person)
        assert company.resume(person).status_code == 200
        company.world.tried(person)
        events = [body(each)["change"] for each in consumer.everything_of(person.user_id)]
    assert events == ["discount", "pause", "resume"]


def test_a_pause_is_ended_early_while_a_cancellation_is_pending(company: Company) -> None:
    """Nothing will be charged, so that Stripe has no next invoice to preview."""
    person = member(company)
    accepted(company, person, "pause", months=2)
    assert company.world.cancel(person).status_code == 200

    response = company.resume(person)

    assert response.status_code == 200, response.text
    assert "preview" not in response.json()
    found = company.subscription(person)
    assert (found.pause_collection, found.cancel_at_period_end) == (None, True)
    email = next(each for each in company.world.emails(person) if "has resumed" in each["subject"])
    assert "Next charge" not in email["text"]
