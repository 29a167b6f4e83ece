"""Customers who are sent invoices keep their payment terms: cancelling ends and voids nothing early."""

import pytest

from tests.acceptance.subscribers import Clock, clock, subscriber
from tests.world import Person, World

DAY = 24 * 3600


def invoiced(world: World, *, days_until_due: int = 30) -> tuple[Clock, Person]:
    at = clock(world, ahead=-70 * DAY)
    more = {"collection_method": "send_invoice", "days_until_due": days_until_due}
    return at, subscriber(world, on=at, card=None, more=more)  # type: ignore[arg-type]


@pytest.mark.parametrize(("days", "status"), [(5, "active"), (32, "past_due"), (36, "past_due")])
def test_a_customer_who_is_sent_invoices_keeps_the_period_and_owes_open_ones(
    world: World, days: int, status: str
) -> None:
    at, person = invoiced(world)
    at.advance(at.now + days * DAY)
    assert world.stripe.subscriptions.retrieve(person.subscription_id).status == status
    before = {i.id: i.status for i in world.stripe.invoices.list({"subscription": person.subscription_id}).data}
    assert "open" in before.values()

    response = world.cancel(person)

    assert response.json()["status"] == "pending_cancellation"
    after = {i.id: i.status for i in world.stripe.invoices.list({"subscription": person.subscription_id}).data}
    assert after == before
    [email] = world.emails(person)
    for text in (email["text"], email["html"]):
        plain = " ".join(text.split())
        assert "invoice is still open" in plain.lower()
        assert "it's due on" in plain
        assert "try to collect it again" not in plain
