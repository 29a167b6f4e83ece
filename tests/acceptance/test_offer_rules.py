"""When an offer is made and when not: FEATURES F04, F06 to F08, each verified for the customer and at Stripe."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from uuid import UUID

import httpx
import pytest

from deployments.demo.catalog import LOYALTY_COUPON
from flows.cancel_subscription import cancel_subscription
from nodes.clients.billing.objects import Discount
from nodes.node import without_prefect
from tests.acceptance.subscribers import Clock, subscriber
from tests.acceptance.test_accept import PROFESSIONAL, UNAVAILABLE, coupons_in_stripe, offer_rows, offered
from tests.acceptance.trigger import serving
from tests.waiting import eventually
from tests.webhooks.events import order
from tests.world import Person, Row, World

# The Stripe SDK triggers this httpx deprecation warning.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload raw bytes:DeprecationWarning"),
]

NONE = {"retention_offer": None, "show_offer": False}
OFFER = {"retention_offer": {"discount": 30, "description": "30% off for 3 months"}, "show_offer": True}
DAY = 24 * 3600


# F04: two screens a paid period


def days_pass(world: World, person: Person, days: int = 1) -> None:
    """Move what was shown to a customer so many days into the past."""
    world.admin.execute(
        "UPDATE offers_shown SET shown_on = shown_on - %s, shown_at = shown_at - %s * interval '1 day'"
        " WHERE user_id = %s",
        [days, days, person.user_id],
    )


def in_mid_period(world: World) -> Person:
    """Create a customer who paid ten days ago. Shortly before midnight (UTC) it waits: screens are counted by day."""
    eventually(lambda: datetime.now(UTC) + timedelta(minutes=3) < _midnight(), within=300)
    began = int((datetime.now(UTC) - timedelta(days=10)).timestamp())
    made = world.stripe.test_helpers.test_clocks.create({"frozen_time": began, "name": "ten days ago"})
    return subscriber(world, on=Clock(world, made.id, began))


def _midnight() -> datetime:
    return datetime.combine(datetime.now(UTC) + timedelta(days=1), time.min, UTC)


def test_the_offer_is_never_shown_a_third_time_and_cancelling_stays_possible(world: World) -> None:
    person = in_mid_period(world)
    shown = []
    for _ in range(4):
        shown += [offered(world, person), offered(world, person)]
        days_pass(world, person)

    assert shown == [OFFER] * 4 + [NONE] * 4
    assert len(world.rows("SELECT FROM offers_shown WHERE user_id = %s", person.user_id)) == 2
    assert world.cancel(person).status_code == 200


def test_a_shown_offer_can_still_be_accepted_after_the_last_screen(world: World) -> None:
    person = in_mid_period(world)
    for _ in range(2):
        assert offered(world, person) == OFFER
        days_pass(world, person)
    assert offered(world, person) == NONE
    assert world.accept(person).json()["discount"] == "30% off"


def test_the_offer_is_shown_again_in_the_next_paid_period(world: World) -> None:
    person = in_mid_period(world)
    for _ in range(2):
        assert offered(world, person) == OFFER
        days_pass(world, person)
    days_pass(world, person, 10)  # before this period began
    assert offered(world, person) == OFFER


# F06: a running discount


def test_there_is_no_offer_while_a_discount_runs(world: World) -> None:
    person = world.person("already_discounted")
    before = world.stripe.subscriptions.retrieve(person.subscription_id).discounts
    writes = world.simulator.writes(person.subscription_id)

    shown, accepted = offered(world, person), world.accept(person)

    assert shown == NONE
    assert (accepted.status_code, accepted.json()["detail"]) == (409, UNAVAILABLE)
    assert world.simulator.writes(person.subscription_id) == writes
    assert world.stripe.subscriptions.retrieve(person.subscription_id).discounts == before
    assert offer_rows(world, person) == []
    assert world.cancel(person).status_code == 200


def test_a_discount_on_the_customer_counts_as_a_running_discount(world: World) -> None:
    person = world.person("professional")
    customer = str(world.stripe.subscriptions.retrieve(person.subscription_id).customer)
    world.stripe.coupons.create({"id": f"own-{person.user_id}", "percent_off": 5, "duration": "forever"})
    order(world, "discounts", customer=customer, coupon=f"own-{person.user_id}")
    assert offered(world, person) == NONE
    assert world.accept(person).status_code == 409


def test_a_discount_added_after_the_offer_was_shown_is_noticed_on_acceptance(world: World) -> None:
    person = world.person("professional")
    assert offered(world, person) == OFFER
    world.stripe.coupons.create({"id": f"gift-{person.user_id}", "percent_off": 5, "duration": "forever"})
    world.stripe.subscriptions.update(person.subscription_id, {"discounts": [{"coupon": f"gift-{person.user_id}"}]})

    accepted = world.accept(person)

    assert (accepted.status_code, accepted.json()["detail"]) == (409, UNAVAILABLE)
    assert coupons_in_stripe(world, person) == [f"gift-{person.user_id}"]


class Policy:
    """A trigger with another `OFFER_WHEN_DISCOUNTED`, and its response about a running discount."""

    def __init__(self, world: World, http: httpx.Client, fate: str, wording: str, left: list[str]) -> None:
        self.world, self.http, self.fate, self.wording, self.left = world, http, fate, wording, left

    def offered(self, person: Person) -> Row:
        found: Row = self.http.get("/retention-offer", headers=person.headers).json()
        return found

    def accept(self, person: Person) -> httpx.Response:
        body = {"user_id": person.user_id, "accept_offer": True}
        return self.http.post("/cancel-subscription", json=body, headers=person.headers)


@pytest.fixture(
    scope="module",
    params=[
        ("replace", "replaced", "in place of", [PROFESSIONAL.coupon]),
        ("add", "kept", "on top of", [LOYALTY_COUPON, PROFESSIONAL.coupon]),
    ],
    ids=["replace", "add"],
)
def policy(request: pytest.FixtureRequest, world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Policy]:
    chosen, fate, wording, left = request.param
    directory: Path = tmp_path_factory.mktemp(chosen)
    with serving(directory, OFFER_WHEN_DISCOUNTED=chosen) as http:
        yield Policy(world, http, fate, wording, left)


def test_the_fate_of_the_current_discount_is_stated_before_and_after_accepting(world: World, policy: Policy) -> None:
    person = world.person("already_discounted")

    shown, response = policy.offered(person), policy.accept(person)

    assert shown["retention_offer"] == {
        "discount": 30,
        "description": f"30% off for 3 months, {policy.wording} your current discount",
        "current_discount": policy.fate,
    }
    assert response.json() == {
        "success": True,
        "retention_applied": True,
        "discount": "30% off",
        "duration": "3 months",
        "current_discount": policy.fate,
    }
    assert coupons_in_stripe(world, person) == policy.left
    [row] = offer_rows(world, person)
    assert (row["state"], row["current_discount"]) == ("applied", policy.fate)


def test_no_current_discount_is_mentioned_if_none_runs(world: World, policy: Policy) -> None:
    person = world.person("professional")
    assert policy.offered(person) == OFFER
    assert "current_discount" not in policy.accept(person).json()
    assert coupons_in_stripe(world, person) == [PROFESSIONAL.coupon]


def test_a_resumed_request_still_knows_the_fate_of_the_current_discount(world: World, policy: Policy) -> None:
    """The resuming process has another policy: Stripe had applied the change, but no response was sent."""
    person = world.person("already_discounted")
    response = policy.accept(person)
    request_id = world.request_id(response)
    eventually(lambda: world.rows("SELECT FROM audit_log WHERE request_id = %s", request_id))
    writes = world.simulator.writes(person.subscription_id)
    world.admin.execute(
        "UPDATE cancellation_requests SET outcome = NULL, http_status = NULL, response = NULL, finished_at = NULL,"
        " recovery_point = 'offer_reserved' WHERE id = %s",
        [request_id],
    )

    async def run() -> None:
        with without_prefect():
            await cancel_subscription.fn(UUID(request_id))

    asyncio.run(run())

    again = world.row("SELECT response FROM cancellation_requests WHERE id = %s", request_id)
    assert again["response"] == response.json()
    assert world.simulator.writes(person.subscription_id) == writes
    assert coupons_in_stripe(world, person) == policy.left


# F07: an ended discount


def test_an_expired_discount_does_not_count_even_if_stripe_still_lists_it() -> None:
    ends_at = datetime(2026, 11, 24, tzinfo=UTC)
    discount = Discount("di_1", "short", ends_at)
    second = timedelta(seconds=1)
    assert [discount.runs(now) for now in (ends_at - second, ends_at, ends_at + second)] == [True, False, False]
    # On a test clock Stripe's time isn't known, so every discount that it lists counts.
    assert discount.runs(None)
    assert Discount("di_2", "loyalty").runs(ends_at)


# F08: a scheduled end


@pytest.mark.parametrize("case", ["already_pending", "pending_in_stripe_only"])
def test_nothing_is_offered_or_accepted_once_an_end_is_scheduled(world: World, case: str) -> None:
    person = world.person(case)
    writes = world.simulator.writes(person.subscription_id)
    assert offered(world, person) == NONE
    accepted = world.accept(person)
    assert (accepted.status_code, accepted.json()["detail"]) == (
        409,
        "Subscription already scheduled for cancellation",
    )
    assert world.simulator.writes(person.subscription_id) == writes
    assert world.rows("SELECT FROM offers_shown WHERE user_id = %s", person.user_id) == []
    assert offer_rows(world, person) == []


def test_the_offer_is_available_again_after_reactivating(world: World) -> None:
    person = world.person("professional")
    assert world.cancel(person).status_code == 200
    assert offered(world, person) == NONE
    back = world.http.post("/reactivate-subscription", json={"user_id": person.user_id}, headers=person.headers)
    assert back.status_code == 200
    assert offered(world, person) == OFFER
