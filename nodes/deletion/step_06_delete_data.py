"""Step 6: delete each user's data and write the deletion record, in one transaction per user."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from prefect.runtime import flow_run

from nodes.clients.database.client import Transaction
from nodes.deletion.records import Checked, Deleted, Outcome, Over
from nodes.errors import CancelflowError
from nodes.node import node, run_log
from nodes.runs.each import for_each
from nodes.services import services
from nodes.subscriptions.mirror import mirror


@dataclass(frozen=True)
class _Record:
    removed: list[dict[str, Any]]
    kept: list[dict[str, Any]]


class _OnlyTried(CancelflowError):
    """Rolls back the transaction of a dry run."""


@node("Delete Data", step="6")
async def delete_data(checked: Checked) -> Outcome:
    """Carry out the plan for each user (FEATURES W17, G07). A dry run does the same and rolls back.

    The database refuses a user who is not due or who has a live subscription (sql/migrations/0009).
    """

    async def delete(over: Over) -> Deleted | None:
        return await _delete(over, dry_run=checked.dry_run)

    done, failed = await for_each(checked.over, delete, user_of=lambda over: over.user_id)
    deleted = [each for each in done if each is not None]
    run_log().info("%s users, %s rows", len(deleted), sum(each.rows for each in deleted))
    return Outcome(deleted, gone=len(done) - len(deleted), failed=checked.failed | failed)


async def _delete(over: Over, *, dry_run: bool) -> Deleted | None:
    record = None
    with suppress(_OnlyTried):
        async with services().database.as_user(over.user_id) as transaction:
            record = await _carry_out(transaction, over)
            _take_back(dry_run)
    return Deleted(over.user_id, record.removed, record.kept) if record else None


def _take_back(dry_run: bool) -> None:
    if dry_run:
        raise _OnlyTried


async def _carry_out(transaction: Transaction, over: Over) -> _Record | None:
    for billed in over.unheard:
        try:
            await mirror(transaction, billed)
        except LookupError:  # another run has deleted the row
            return None
    run_id = UUID(flow_run.id) if flow_run.id else None
    return await transaction.one("delete_data_of_user", _Record, flow_run_id=run_id)
