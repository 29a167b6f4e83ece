"""Anonymize feedback after 90 days: delete the text and the link to the customer, and keep only counts."""

from prefect import flow
from prefect.client.schemas.objects import State

from nodes.anonymization.step_01_take_due_feedback import count_due_feedback, take_due_feedback
from nodes.anonymization.step_02_clear_comments import clear_comments
from nodes.anonymization.step_03_anonymize_feedback import anonymize_feedback as anonymize
from nodes.runs.sweep import sweep


@flow(name="anonymize-feedback", persist_result=False)
async def anonymize_feedback(at_most: int | None = None) -> State[None]:
    """Anonymize the feedback of every request that is 90 days old. Those for which Stripe fails stay for the next run.

    `at_most` limits the requests of this run.
    """
    async with sweep("anonymize-feedback", at_most) as run:
        anonymous = 0
        await run.expect(await count_due_feedback())
        while due := await take_due_feedback(run.next_batch):
            done = await anonymize(await clear_comments(due))
            anonymous += done.requests
            await run.went_through(len(due), done.failed)
        message = f"{anonymous} requests anonymized"
        await run.summarize(f"**{message}**")
    return run.state(message)
