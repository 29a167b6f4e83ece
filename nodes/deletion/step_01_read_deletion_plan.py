"""Step 1: check that the deletion plan is complete and current."""

from dataclasses import dataclass

from nodes.errors import CancelflowError
from nodes.node import node, run_log
from nodes.services import services
from sql.deletion_plan import read_plan


class DeletionPlanIncomplete(CancelflowError):
    """A table with users' rows is missing from the plan, or a step's table doesn't exist; the message names them."""


class DeletionPlanStale(CancelflowError):
    """The database's plan differs from sql/data_deletion: `cancelflow migrate` has not run since it changed."""


@dataclass(frozen=True)
class _Gap:
    table_name: str
    planned: bool


@dataclass(frozen=True)
class _Installed:
    step: str
    statement: str


@node("Read Deletion Plan", step="1")
async def read_deletion_plan() -> int:
    """Check the plan against the database's tables and its own files; return the number of its steps."""
    async with services().database.without_user() as transaction:
        gaps = await transaction.all("gaps_in_deletion_plan", _Gap)
        installed = await transaction.all("installed_deletion_plan", _Installed)
    statements = {each.step: each.statement for each in installed}
    stale = [
        step.name
        for step in read_plan(services().settings.data_deletion_plan)
        if statements.get(step.name) != step.statement
    ]
    if stale:
        raise DeletionPlanStale(f"run `cancelflow migrate`: the database has another plan for {', '.join(stale)}")
    if gaps:
        raise DeletionPlanIncomplete("; ".join(_explained(gap) for gap in gaps))
    run_log().info("the plan has %s steps", len(installed))
    return len(installed)


def _explained(gap: _Gap) -> str:
    if gap.planned:
        return f"the plan names {gap.table_name}, which is no table"
    return f"{gap.table_name} holds users' rows and is not in the plan (see sql/data_deletion)"
