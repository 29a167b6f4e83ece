"""Accepting an offer: the response, Stripe, our rows, the email and the event, for each kind."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
import stripe

from tests.acceptance.consumer import body, consuming
from tests.offers.acceptances import START, accepted, cancel, email_of, member, recorded, refused, writes
from tests.offers.catalog import LOYAL, price
from tests.offers.company import DAY, Company, at
from tests.waiting import concurrently, eventually
from tests.world import Person

DISCOUNTS = ["retention-offer", "half", "fiver", "always", "loyal", "personal", "long"]


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


def test_a_pause_stays_failed_once_another_call_made_it(company: Company) -> None:
    world, person = company.world, member(company)
    with world.simulator.fault(kind="refuse", method="POST", contains=person.subscription_id, times=0):
        failed = company.accept(person, "pause", months=2)
    assert failed.status_code == 500
    assert company.accept(person, "pause", months=2).status_code == 200

    request_id = failed.headers["Change-Request-Id"]
    world.admin.execute("UPDATE change_requests SET resume_at = now() WHERE id = %s", [request_id])

    rechecked = "SELECT outcome FROM change_requests WHERE id = %s AND resume_at IS NULL"
    [request] = eventually(lambda: world.rows(rechecked, request_id))
    assert request["outcome"] == "failed"
    email_of(company, person)  # the only one


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


@pytest.mark.parametrize(
    "fault", [{"kind": "status", "status": 400, "times": 1}, {"kind": "refuse", "times": 2}], ids=["refused", "lost"]
)
def test_a_change_of_plan_that_fails_halfway_can_be_tried_again(company: Company, fault: dict[str, Any]) -> None:
    world, person, solo = company.world, member(company), price(company.world, "solo")
    with world.simulator.fault(method="POST", contains="/v1/subscription_schedules/", **fault):
        failed = company.accept(person, "later", price=solo)
    assert failed.status_code == 500, failed.text
    world.admin.execute(
        "UPDATE change_requests SET resume_at = now() WHERE id = %s AND resume_at IS NOT NULL",
        [failed.headers["Change-Request-Id"]],
    )
    eventually(lambda: company.subscription(person).schedule is None)

    assert accepted(company, person, "later", price=solo)["price"] == solo


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

    assert not set(DISCOUNTS) & set(company.offered(person))
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
