"""What follows from a call's result (FEATURES A11, A12, A14, A15, A17)."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from nodes.rules.reason_classes import ReasonClass
from nodes.rules.tasks import TaskKind

Status = Literal["completed", "voicemail", "no_answer", "busy", "declined", "failed"]
Warmth = Literal["hot", "warm", "cold", "dead"]
# What the customer asked for or said, besides the reason. `reversed`: the vendor says that the cancellation was taken
# back in the call.
Heard = Literal["do_not_call", "did_not_cancel", "human", "upset", "offer_accepted", "reversed"]


@dataclass(frozen=True)
class Said:
    """A result's codes and texts. `reversed`: whether Stripe shows the claimed reversal; None if none is claimed."""

    warmth: Warmth | None
    reason_class: ReasonClass | None
    requests_heard: list[Heard]
    summary: str | None
    action_items: list[str]
    reversed: bool | None


@dataclass(frozen=True)
class CallTask:
    """A task that follows. `about`: what for, among the call's tasks of its kind; empty for the only one.

    A promise is known by its text: a later result of the call may have others before it.
    """

    kind: TaskKind
    said: str | None
    about: str = ""


def tasks_after(said: Said) -> Iterator[CallTask]:
    """Yield the tasks that follow from a result: at most one of each kind, but one for each promise."""
    heard = set(said.requests_heard)
    if "did_not_cancel" in heard or said.reversed is False:
        yield CallTask("billing", said.summary)
    if heard & {"human", "upset"}:
        yield CallTask("escalation", said.summary)
    if said.warmth in ("hot", "warm") or "offer_accepted" in heard:
        yield CallTask("sales", said.summary)
    if said.reason_class == "RELIABILITY":
        yield CallTask("support", said.summary)
    for promise in dict.fromkeys(said.action_items):
        yield CallTask("promise", promise, hashlib.sha256(promise.encode()).hexdigest()[:16])


def asks_why(said: Said) -> bool:
    """Return whether the email that asks for the reason follows. Who didn't cancel has no reason for it."""
    return said.warmth in ("cold", "dead") and "did_not_cancel" not in said.requests_heard
