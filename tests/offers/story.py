"""The story of one customer: what they and the company can do, one step at a time, each checked."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import httpx

from tests.acceptance.subscribers import Clock
from tests.offers.agreement import disagreements
from tests.offers.catalog import price
from tests.offers.charges import charges
from tests.offers.company import DAY, HOUR, Company, when
from tests.offers.in_stripe import InStripe
from tests.waiting import concurrently
from tests.webhooks.events import order
from tests.world import Person, Row

DAYS = (1, 4, 12, 31, 45, 100)
OFFERED = (("solo", "month"), ("team", "year"), ("firm", "month"))  # the prices that the catalogue's offers lead to
Call = Callable[[], httpx.Response]


@dataclass
class Story:
    """One customer on a test clock. `told`: the steps so far, with their responses, for the message of a failure."""

    company: Company
    person: Person
    clock: Clock
    told: list[str] = field(default_factory=list)
    replies: dict[str, Row] = field(default_factory=dict)  # the last response to each request, by its id
    offers: list[tuple[str, Row]] = field(default_factory=list)  # every choice that was ever listed
    last: tuple[Call, httpx.Response] | None = None  # the last call with a key

    def __post_init__(self) -> None:
        self.stripe = InStripe(self.company.world, self.person)

    def take(self, name: str, pick: int) -> None:
        """Take a step, and compare everything once all of its work is done."""
        self.told.append(f"{name} {pick}")
        STEPS[name](self, pick)
        self._check()

    # What the customer does

    def accept_offer_shown(self, pick: int) -> None:
        """Accept one of the listed offers, as of the listing or as of now."""
        response = self.company.http.get("/offers", headers=self.person.headers)
        assert response.status_code in (200, 404), response.text
        listed = response.json()
        options = list(_options(listed))
        self.offers += [each for each in options if each not in self.offers]
        if not options:
            return
        offer, option = options[pick % len(options)]
        as_of = {"as_of": listed["as_of"]} if pick % 2 else {}
        is_link = option["kind"] in ("contact", "redirect")
        accepted = self._ask(self._accept(offer, option, **as_of), changes=not is_link)
        assert accepted.status_code == 200, "what is listed can be accepted"
        assert accepted.json().get("preview") == option.get("preview"), "the response is as shown"

    def accept_offer_again(self, pick: int) -> None:
        """Accept an offer that was listed at some time, and may not be available any more."""
        if self.offers:
            offer, option = self.offers[pick % len(self.offers)]
            self._ask(self._accept(offer, option), changes=None if option["kind"] == "discount" else True)

    def accept_the_retention_offer(self, _: int) -> None:
        self._ask(self._cancel(accept_offer=True), changes=None)

    def resume(self, _: int) -> None:
        self._ask(self._post("/resume-subscription", {}))

    def cancel(self, _: int) -> None:
        self._ask(self._cancel(reason="too_expensive"))

    def reactivate(self, _: int) -> None:
        pending = self.stripe.pending
        self._ask(self._post("/reactivate-subscription", {"user_id": self.person.user_id}), changes=pending)
        self.last = None  # it takes no key: a repetition reactivates once more

    def repeat(self, _: int) -> None:
        """Send the last call once more, with its key."""
        if self.last:
            call, first = self.last
            again = self._ask(call, changes=False)
            assert (again.status_code, again.content) == (first.status_code, first.content)

    def two_concurrently(self, pick: int) -> None:
        calls = [self._cancel(reason="unused"), self._cancel(accept_offer=True), self._post("/resume-subscription", {})]
        calls += [self._accept(*each) for each in self.offers]
        pair = calls[pick % len(calls)], calls[pick * 7 % len(calls)]
        for response in concurrently(*pair):
            self._received(response)

    # What happens in Stripe

    def pause_in_stripe(self, pick: int) -> None:
        until = {"resumes_at": self.clock.now + DAYS[pick % len(DAYS)] * DAY + HOUR}
        self._in_stripe(pick, action="pause", **(until if pick % 4 else {}))

    def resume_in_stripe(self, pick: int) -> None:
        if self.stripe.subscription.pause_collection:
            self._in_stripe(pick, action="resume")

    def cancel_in_stripe(self, pick: int) -> None:
        if not self.stripe.pending:
            self._in_stripe(pick, action="cancel", when="immediately" if pick % 10 == 9 else "period_end")

    def undo_in_stripe(self, pick: int) -> None:
        if self.stripe.pending:
            self._in_stripe(pick, action="undo")

    def change_price_in_stripe(self, pick: int) -> None:
        """Change to a price that an offer leads to; the portal doesn't while a schedule or an end is set."""
        found = self.stripe.subscription
        if found.schedule or self.stripe.pending:
            return
        items = [{"id": found.items.data[0].id, "price": price(self.company.world, *OFFERED[pick % len(OFFERED)])}]
        proration = ("none", "always_invoice", "create_prorations")[pick % 3]
        self._in_stripe(pick, action="update", params={"items": items, "proration_behavior": proration})

    def coupon_in_stripe(self, pick: int) -> None:
        """Add a coupon of the company's own, or one that an offer has."""
        coupons = [each.id for each in self.company.world.stripe.coupons.list({"limit": 100}).data if each.valid]
        self._in_stripe(pick, action="accept_retention_coupon", coupon=coupons[pick % len(coupons)])

    def days_pass(self, pick: int) -> None:
        self._until(self.clock.now + DAYS[pick % len(DAYS)] * DAY)

    def past_the_next_charge(self) -> None:
        """End the story: the next charge comes as it was announced, or none does."""
        self.told.append("past the next charge")
        announced = self._next_charge()
        self._until(max(self.clock.now + 32 * DAY, when(announced["at"]) if announced else 0))
        self._check()

    def _until(self, end: int) -> None:
        """Move the clock, and compare each charge with the one that was announced before it."""
        while (announced := self._next_charge()) and when(announced["at"]) <= end:
            self._charged(when(announced["at"]) + 2 * HOUR, [(when(announced["at"]), announced["amount"])])
            self._check()
        if end > self.clock.now:
            self._charged(end, [])

    def _charged(self, until: int, expected: list[tuple[int, int]]) -> None:
        before = self.clock.now
        self.clock.advance(until)
        self.stripe.settled()
        made = [(each.at, each.due) for each in charges(self.company, self.person, before + 1)]
        assert made == expected, "the charge is the announced one"

    def _next_charge(self) -> Row | None:
        found: Row = self.company.http.get("/subscription", headers=self.person.headers).json()
        announced: Row | None = found["next_charge"]
        return announced

    # Calls

    def _ask(self, call: Call, *, changes: bool | None = True) -> httpx.Response:
        """Send a call. `changes`: whether 200 means that Stripe's state is another; None: it may be."""
        before = self.stripe.state()
        response = self._received(call())
        after = self.stripe.state()
        if response.status_code != 200:
            assert after == before, "a refusal changes nothing"
        elif changes is not None:
            assert (after != before) == changes, "200 means one change"
        self.last = call, response
        return response

    def _received(self, response: httpx.Response) -> httpx.Response:
        """Return the final response, once all work is done."""
        self.stripe.settled()
        if response.status_code == 202:
            response = self.company.http.get(response.headers["Location"], headers=self.person.headers)
        self.told.append(f"  {response.status_code} {response.text[:300]}")
        assert response.status_code in (200, 404, 409, 410), response.text
        for name in ("Change-Request-Id", "Cancellation-Request-Id", "Reactivation-Request-Id"):
            if response.status_code == 200 and (request_id := response.headers.get(name)):
                self.replies[request_id] = response.json()
        return response

    def _accept(self, offer: str, option: Row, **more: str) -> Call:
        chosen = {name: option[name] for name in ("months", "weeks", "price") if name in option}
        return self._post(f"/offers/{offer}/accept", chosen | more)

    def _cancel(self, **body: Any) -> Call:
        return self._post("/cancel-subscription", {"user_id": self.person.user_id, **body})

    def _post(self, path: str, body: Row) -> Call:
        headers = self.person.headers | {"Idempotency-Key": str(uuid.uuid4())}
        return partial(self.company.http.post, path, json=body, headers=headers)

    def _in_stripe(self, pick: int, **given: Any) -> None:
        if self.stripe.live:
            place = "dashboard" if pick % 2 else "portal"
            order(self.company.world, place, subscription=self.person.subscription_id, **given)

    def _check(self) -> None:
        self.stripe.settled()
        wrong = list(disagreements(self.company, self.stripe, self.replies, self.clock.now))
        assert wrong == [], wrong


def _options(listed: Row) -> Iterator[tuple[str, Row]]:
    for offer in listed.get("offers", []):
        for option in offer["options"]:
            yield offer["id"], {"kind": offer["kind"], **option}


STEPS: dict[str, Callable[[Story, int], None]] = {
    "accept an offer": Story.accept_offer_shown,
    "accept an earlier offer": Story.accept_offer_again,
    "accept the retention offer": Story.accept_the_retention_offer,
    "resume": Story.resume,
    "cancel": Story.cancel,
    "reactivate": Story.reactivate,
    "repeat the last call": Story.repeat,
    "two calls concurrently": Story.two_concurrently,
    "pause in Stripe": Story.pause_in_stripe,
    "resume in Stripe": Story.resume_in_stripe,
    "cancel in Stripe": Story.cancel_in_stripe,
    "undo in Stripe": Story.undo_in_stripe,
    "change the price in Stripe": Story.change_price_in_stripe,
    "coupon in Stripe": Story.coupon_in_stripe,
    "days pass": Story.days_pass,
}
