"""What surrounds the steps of a run that a customer asked for: its services, its lease, its labels, and how it ends."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import TypeVar
from uuid import UUID

from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows.labels import label
from flows.shown import flow_body
from nodes.cancellation.lease import leased
from nodes.cancellation.records import Answer, Delivered
from nodes.errors import BillingFailed, EventsFailed, MailFailed, Refusal
from nodes.node import run_log
from nodes.problems import slug_of
from nodes.services import services_of_this_run


class RunAccount:
    """One run's account of itself. `flow_name` and the request's id begin its name in the UI."""

    def __init__(self, flow_name: str, request_id: UUID) -> None:
        self.request_id = request_id
        self.answer: Answer | None = None
        self._flow_name = flow_name
        self._name = f"{flow_name} {request_id}"
        self._tags = ["cancelflow"]
        self._undelivered: list[str] = []

    async def refused(self, refusal: Refusal) -> None:
        """The steps end here, and that is a proper end."""
        raise NotImplementedError

    async def gave_up(self, failure: BillingFailed) -> None:
        """Stripe did not do it."""
        raise NotImplementedError

    async def close(self) -> None:
        """Say how it ended, and when to look at it again."""
        raise NotImplementedError

    def named_after(self, subscription_id: str) -> None:
        """Support finds the run by its subscription too."""
        self._name = f"{self._flow_name} {self.request_id} {subscription_id}"

    async def together(self, *effects: Awaitable[Delivered]) -> None:
        """Run effects side by side. A letter or event that is not taken is sent later and holds up nothing; so is a
        letter for which Stripe does not say what is open.
        """
        for result in await asyncio.gather(*effects, return_exceptions=True):
            if isinstance(result, MailFailed | EventsFailed | BillingFailed):
                self._undelivered.append(slug_of(result))
                run_log().warning("to be sent again: %s", result)
            elif isinstance(result, BaseException):
                raise result

    async def label(self) -> None:
        """Name and tags, once it is known how it ended."""
        self._tags.append(f"outcome:{self.answer.outcome if self.answer else 'unfinished'}")
        self._tags.extend(f"undelivered:{what}" for what in self._undelivered)
        await label(self._name, self._tags)

    def state(self) -> State[None]:
        """The run's last state: a word for the outcome, for whoever looks down the list of runs."""
        if self.answer is None:
            raise RuntimeError("a run ends with an answer")
        name = "Refused" if self.answer.outcome == "refused" else "Completed"
        message = f"{self.answer.http_status} {self.answer.outcome}"
        if problem_type := self.answer.body.get("type"):
            message += f": {problem_type.rpartition(':')[2]}"
        if self._undelivered:
            message += f"; to be sent again: {', '.join(self._undelivered)}"
        return Completed(name=name, message=message)


Run = TypeVar("Run", bound=RunAccount)


@asynccontextmanager
async def carried_out(run: Run) -> AsyncIterator[Run]:
    """Surround the steps of one run, which holds the request's lease while it lasts.

    A `Refusal` is recorded and ends the run well. A `BillingFailed` fails the run, and is recorded as the answer where
    someone waits for one. Any other failure fails the run and leaves the request where it stands, to be taken up again.
    """
    with flow_body():
        async with services_of_this_run(), leased(run.request_id):
            try:
                yield run
            except Refusal as refusal:
                await run.refused(refusal)
            except BillingFailed as failure:
                await run.gave_up(failure)
                raise
            finally:
                await run.close()
