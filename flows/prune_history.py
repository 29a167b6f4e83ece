"""What serves for a while only goes, so that neither disk nor latency grows with history."""

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from nodes.pruning.step_01_prune_idempotency_keys import prune_idempotency_keys
from nodes.pruning.step_02_prune_stripe_events import prune_stripe_events
from nodes.pruning.step_03_prune_attempts import prune_attempts
from nodes.services import services_of_this_run


@flow(name="prune-history", persist_result=False)
async def prune_history() -> State[None]:
    """Delete idempotency keys of more than a day, events of Stripe's handled a month ago, and old counts of attempts.

    Safe to repeat, and to run beside another. Prefect's own runs are pruned by its server
    (deployments/prefect/settings.py).
    """
    async with services_of_this_run():
        keys = await prune_idempotency_keys()
        events = await prune_stripe_events()
        attempts = await prune_attempts()
    return Completed(message=f"Deleted {keys} idempotency keys, {events} events of Stripe's, {attempts} attempt counts")
