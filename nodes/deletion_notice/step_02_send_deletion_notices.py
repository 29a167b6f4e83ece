"""Step 2: send the email through the outbox."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from email_templates import Draft
from email_templates.deletion_notice import DeletionNotice
from nodes.deletion.records import Checked, Over
from nodes.deletion_notice.records import Notices
from nodes.errors import EmailRefused
from nodes.messages.emails import Customer, deliver_email
from nodes.node import node, run_log
from nodes.runs.each import for_each
from nodes.services import services

KIND = "deletion_notice"


@dataclass(frozen=True)
class _Job:
    request_id: UUID
    subscription_id: str
    delete_at: datetime
    ended_at: datetime


@node("Send Deletion Notices", step="2")
async def send_deletion_notices(checked: Checked) -> Notices:
    """Send the email once. A process that dies after sending sends it again with the same Message-ID."""
    told, failed = await for_each(checked.over, _tell, user_of=lambda over: over.user_id)
    notices = Notices(told.count("sent"), told.count("refused"), checked.failed | failed)
    run_log().info("%s emails, %s refused, %s to be sent again", notices.sent, notices.refused, len(failed))
    return notices


async def _tell(over: Over) -> Literal["sent", "refused", "no job"]:
    """Send the notice for the user's job. Raises `MailFailed` if the mail server may accept the email later."""
    database = services().database
    async with database.as_user(over.user_id) as transaction:
        job = await transaction.one("job_to_notice", _Job)
        if job is None:  # cancelled in the meantime
            return "no job"
        await transaction.run("put_in_outbox", request_id=job.request_id, user_id=over.user_id, kind=KIND)

    refused = False
    try:
        await deliver_email(job.request_id, over.user_id, KIND, lambda customer: _email(job, customer))
    except EmailRefused as error:
        refused = True
        run_log().warning("user %s can't be emailed: %s", over.user_id, error)
    async with database.as_user(over.user_id) as transaction:
        await transaction.run("noticed", request_id=job.request_id)
    return "refused" if refused else "sent"


def _email(job: _Job, customer: Customer) -> Draft:
    settings = services().settings
    # Without a configured URL, the link leads to our own page, which explains how to start a new subscription.
    back = settings.new_subscription_url or services().links.url(
        "reactivate",
        subscription_id=job.subscription_id,
        request_id=str(job.request_id),
        expires_at=job.delete_at,
    )
    return DeletionNotice(
        name=customer.name,
        ended_at=job.ended_at,
        delete_at=job.delete_at,
        locale=customer.locale,
        time_zone=customer.time_zone,
        return_url=back,
        export_url=settings.data_export_url,
        company_name=settings.company_name,
        request_id=str(job.request_id),
    )
