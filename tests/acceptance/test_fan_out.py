"""Separate subscriptions of `billing-events` for analytics, customer success and win-back: FEATURES W18, W19."""

from contextlib import ExitStack

from tests.acceptance.consumer import Consumer, body, consuming
from tests.waiting import eventually
from tests.world import Person, World


class Deduplicating:
    """A consumer that ignores events whose `event_id` it has already seen, as real consumers should."""

    def __init__(self, consumer: Consumer) -> None:
        self._consumer = consumer
        self.received = 0
        self.acted_on: dict[str, str] = {}

    def pull(self, person: Person) -> None:
        for message in self._consumer.everything_of(person.user_id):
            event = body(message)
            assert message.attributes["event_id"] == event["event_id"]
            self.received += 1
            self.acted_on.setdefault(event["event_id"], event["event"])


def published_again(world: World, person: Person) -> None:
    """Publish the event again, as after a crash between publishing it and marking it as published."""
    world.admin.execute(
        "UPDATE outbox SET delivered_at = NULL WHERE user_id = %s AND kind LIKE 'sub%%'", [person.user_id]
    )
    world.admin.execute("UPDATE cancellation_requests SET resume_at = now() WHERE user_id = %s", [person.user_id])
    left = "SELECT FROM outbox WHERE user_id = %s AND delivered_at IS NULL"
    eventually(lambda: not world.rows(left, person.user_id))


def test_each_of_three_subscriptions_gets_the_message_once(world: World) -> None:
    with ExitStack() as opened:
        consumers = [Deduplicating(opened.enter_context(consuming())) for _ in range(3)]
        person = world.person("professional")
        assert world.cancel(person).status_code == 200
        world.tried(person)
        for _ in range(2):
            for consumer in consumers:
                consumer.pull(person)

    assert [consumer.received for consumer in consumers] == [1, 1, 1]
    assert [list(consumer.acted_on.values()) for consumer in consumers] == [["subscription.canceled"]] * 3
    assert len({event_id for consumer in consumers for event_id in consumer.acted_on}) == 1


def test_a_message_published_twice_is_acted_on_once(world: World) -> None:
    with ExitStack() as opened:
        consumers = [Deduplicating(opened.enter_context(consuming())) for _ in range(3)]
        person = world.person("professional")
        assert world.cancel(person).status_code == 200
        world.tried(person)
        published_again(world, person)
        for consumer in consumers:
            consumer.pull(person)

    assert [consumer.received for consumer in consumers] == [2, 2, 2]
    assert [list(consumer.acted_on.values()) for consumer in consumers] == [["subscription.canceled"]] * 3
