"""Delete rows that are no longer needed, so that neither disk use nor latency grows with history."""

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from nodes.pruning.step_01_prune_idempotency_keys import prune_idempotency_keys
from nodes.pruning.step_02_prune_stripe_events import prune_stripe_events
from nodes.pruning.step_03_prune_attempts import prune_attempts
from nodes.pruning.step_04_prune_session_texts import prune_session_texts
from nodes.pruning.step_05_prune_webhooks import prune_webhooks
from nodes.pruning.step_06_prune_consents import prune_consents
from nodes.pruning.step_07_prune_cancel_codes import prune_cancel_codes
from nodes.pruning.step_08_prune_tasks import prune_tasks
from nodes.pruning.step_09_prune_replies import prune_replies
from nodes.pruning.step_10_prune_win_backs import prune_win_backs
from nodes.pruning.step_11_prune_unknown_calls import prune_unknown_calls
from nodes.services import services_of_this_run


@flow(name="prune-history", persist_result=False)
async def prune_history() -> State[None]:
    """Delete keys and texts over a day old, events and webhooks over a month, tasks and replies over 90 days, and more.

    Safe to repeat and to run concurrently. Prefect's server prunes its own runs (deployments/prefect/settings.py).
    """
    async with services_of_this_run():
        keys = await prune_idempotency_keys()
        events = await prune_stripe_events()
        attempts = await prune_attempts()
        texts = await prune_session_texts()
        webhooks = await prune_webhooks()
        consents = await prune_consents()
        codes = await prune_cancel_codes()
        tasks = await prune_tasks()
        replies = await prune_replies()
        win_backs = await prune_win_backs()
        unknown_calls = await prune_unknown_calls()
    counted = f"{keys} idempotency keys, {events} Stripe events, {attempts} attempt counts, {webhooks} webhooks"
    deleted = f"{counted}, {consents} consents, {codes} codes, {tasks.deleted} tasks, {replies} replies, "
    deleted += f"{win_backs} records of emails about fixes, {unknown_calls} results of unknown calls"
    return Completed(message=f"Deleted {deleted}, and the texts of {texts} sessions and {tasks.texts} tasks")
