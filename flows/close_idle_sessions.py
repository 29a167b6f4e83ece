"""Find the sessions of the cancel page that customers have left, and report those without a decision (FEATURES F11)."""

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from nodes.idle_sessions.step_01_close_idle_sessions import close_idle_sessions as close
from nodes.services import services_of_this_run


@flow(name="close-idle-sessions", persist_result=False)
async def close_idle_sessions() -> State[None]:
    """Put a webhook, and a task where `TASKS_FOR` wants one, for each session that is idle for `SESSION_IDLE_MINUTES`.

    Safe to repeat and to run concurrently. A customer who returns later continues their session.
    """
    async with services_of_this_run():
        closed = await close()
    return Completed(message=f"{closed} sessions are idle")
