"""The context of a run that handles a Stripe event: services, lease, labels, and retries."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from functools import partial

from prefect.client.schemas.objects import State
from prefect.states import Completed

from nodes.errors import BillingFailed, CancelflowError, EmailRefused, PutOff
from nodes.messages.records import Delivered
from nodes.node import run_log
from nodes.problems import slug_of
from nodes.requests.lease import leased
from nodes.runs.display import show
from nodes.runs.fallback import flow_body
from nodes.runs.labels import label
from nodes.services import services_of_this_run
from nodes.stripe_events.inbox import failed, put_off, renew
from nodes.stripe_events.records import Ended, Happened


class Handling:
    """The outcomes, labels and final state of a run."""

    def __init__(self, event_id: str) -> None:
        self.event_id = event_id
        self.outcomes: list[str] = []
        self._tags = ["cancelflow"]
        self._name = f"handle-stripe-event {event_id}"
        self._put_off: str | None = None

    @property
    def outcome(self) -> str:
        """The outcome for every subscription that the event is about."""
        return ", ".join(self.outcomes) or "not about a subscription here"

    def happened(self, happened: Happened) -> None:
        """Record an outcome, and label the run so that support can find it by subscription and outcome."""
        self.outcomes.append(happened.outcome.value)
        self._name += f" {happened.seen.billed.id}"
        self._tags += [f"plan:{happened.seen.plan}", f"event:{happened.outcome.value}"]

    def copied(self) -> None:
        """Record that rows were copied from Stripe."""
        self.outcomes.append("copied")

    async def ended(self, ended: Ended) -> None:
        """Label the run with the kind of end, and report an unknown reason as an artifact."""
        self._tags.append(f"ended:{ended.kind}")
        if not ended.reason_is_known:
            self._tags.append("reason:unknown")
            words = f"`{ended.subscription_id}` ended for a reason that is unknown to nodes/rules/stripe_changes.py."
            await show("stripe-reason-unknown", words, "The end was treated as neutral")

    async def together(self, *effects: Awaitable[Delivered]) -> None:
        """Run effects concurrently, and raise a failure after all have finished."""
        for result in await asyncio.gather(*effects, return_exceptions=True):
            if isinstance(result, EmailRefused):
                run_log().warning("undeliverable, listed for an operator: %s", result)
            elif isinstance(result, BaseException):
                raise result

    def later(self, reason: PutOff) -> None:
        """Record that the event is postponed."""
        self._put_off = str(reason)
        run_log().info("postponed: %s", reason)

    async def close(self) -> None:
        """Set the run's name and tags."""
        await label(self._name, self._tags)

    def state(self) -> State[None]:
        """Return the run's final state, which names the outcome."""
        if self._put_off:
            return Completed(name="PutOff", message=self._put_off)
        return Completed(message=self.outcome)


@asynccontextmanager
async def handling(event_id: str) -> AsyncIterator[Handling]:
    """Surround the steps of a run, which holds the event's lease. An event whose run fails is retried."""
    with flow_body():
        async with services_of_this_run(), leased(partial(renew, event_id)):
            run = Handling(event_id)
            try:
                yield run
            except PutOff as reason:
                run.later(reason)
                await put_off(event_id, reason.seconds)
            except CancelflowError as error:
                if isinstance(error, BillingFailed) and error.code == "resource_missing":
                    run_log().warning("it no longer exists in Stripe: %s", error)
                await failed(event_id, slug_of(error))
                raise
            finally:
                await run.close()
