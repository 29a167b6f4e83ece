"""One subscription: its waiting messages, and the leases of delivered ones."""

import asyncio
import itertools
from collections import deque
from dataclasses import dataclass
from typing import Final

from google.pubsub_v1 import types

USUAL_ACK_DEADLINE: Final = 10  # seconds, Pub/Sub's own default and minimum
LONGEST_ACK_DEADLINE: Final = 600
LARGEST_BATCH: Final = 1000


@dataclass(frozen=True)
class Lease:
    """A delivered message, to be acknowledged before its timer expires."""

    message: types.PubsubMessage
    sequence: int
    consumer: object
    timer: asyncio.TimerHandle


class Subscription:
    """Delivers each message until it is acknowledged, and messages with the same ordering key in order.

    As in Pub/Sub, while one consumer holds messages of a key, no other consumer gets later ones. When one of them is
    returned, the later ones that were delivered are returned too.
    """

    def __init__(self, settings: types.Subscription) -> None:
        self.settings = settings
        self.deleted = False
        self._waiting: deque[tuple[int, types.PubsubMessage]] = deque()
        self._leases: dict[str, Lease] = {}
        self._sequence = itertools.count(1)
        self._changed = asyncio.Event()

    def add(self, message: types.PubsubMessage) -> None:
        """Queue a message published on the topic."""
        self._waiting.append((next(self._sequence), message))
        self._wake()

    async def take(
        self, room: int, *, consumer: object, patience: float | None, deadline: int = 0
    ) -> list[types.ReceivedMessage]:
        """Return messages for a consumer that may hold `room` of them, leased for `deadline` seconds.

        Returns an empty list after `patience` seconds, or when the subscription is deleted.
        """
        until = None if patience is None else asyncio.get_running_loop().time() + patience
        while not self.deleted:
            changed = self._changed
            free = min(room - self._held_by(consumer), LARGEST_BATCH)
            if taken := self._take_now(free, consumer, deadline or self.settings.ack_deadline_seconds):
                return taken
            try:
                async with asyncio.timeout_at(until):
                    await changed.wait()
            except TimeoutError:
                break
        return []

    def acknowledge(self, ack_id: str) -> None:
        """Acknowledge a message; like Pub/Sub, ignore an expired id."""
        lease = self._leases.pop(ack_id, None)
        if lease:
            lease.timer.cancel()
            self._wake()

    def extend(self, ack_id: str, seconds: int) -> None:
        """Extend the lease to this many seconds from now; 0 returns the message immediately."""
        lease = self._leases.get(ack_id)
        if lease is None:
            return
        lease.timer.cancel()
        if seconds == 0:
            self._give_back(ack_id)
        else:
            timer = self._timer(ack_id, seconds)
            self._leases[ack_id] = Lease(lease.message, lease.sequence, lease.consumer, timer)

    def delete(self) -> None:
        """Stop all deliveries, and wake waiting consumers."""
        self.deleted = True
        for lease in self._leases.values():
            lease.timer.cancel()
        self._wake()

    def _held_by(self, consumer: object) -> int:
        return sum(lease.consumer is consumer for lease in self._leases.values())

    def _take_now(self, most: int, consumer: object, deadline: int) -> list[types.ReceivedMessage]:
        taken: list[types.ReceivedMessage] = []
        kept: deque[tuple[int, types.PubsubMessage]] = deque()
        while self._waiting and len(taken) < most:
            sequence, message = self._waiting.popleft()
            if self._held_elsewhere(message, consumer):
                kept.append((sequence, message))
            else:
                taken.append(self._lease(sequence, message, consumer, deadline))
        self._waiting = kept + self._waiting
        return taken

    def _lease(
        self, sequence: int, message: types.PubsubMessage, consumer: object, deadline: int
    ) -> types.ReceivedMessage:
        ack_id = f"{message.message_id}-{next(self._sequence)}"  # a new id for each delivery, as in Pub/Sub
        self._leases[ack_id] = Lease(message, sequence, consumer, self._timer(ack_id, deadline))
        return types.ReceivedMessage(ack_id=ack_id, message=message)

    def _held_elsewhere(self, message: types.PubsubMessage, consumer: object) -> bool:
        return any(lease.consumer is not consumer for _, lease in self._leases_of_key(message))

    def _leases_of_key(self, message: types.PubsubMessage) -> list[tuple[str, Lease]]:
        if not (self.settings.enable_message_ordering and message.ordering_key):
            return []
        return [each for each in self._leases.items() if each[1].message.ordering_key == message.ordering_key]

    def _timer(self, ack_id: str, seconds: int) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(seconds, self._give_back, ack_id)

    def _give_back(self, ack_id: str) -> None:
        lease = self._leases[ack_id]
        later = [i for i, other in self._leases_of_key(lease.message) if other.sequence > lease.sequence]
        for each in (ack_id, *later):
            back = self._leases.pop(each)
            back.timer.cancel()
            self._waiting.append((back.sequence, back.message))
        self._waiting = deque(sorted(self._waiting, key=lambda entry: entry[0]))
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
