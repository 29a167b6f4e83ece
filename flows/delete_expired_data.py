"""WF-056, data deletion: 90 days after the end of the last subscription, by the plan in sql/data_deletion."""

from collections import Counter

from prefect import flow
from prefect.client.schemas.objects import State

from nodes.deletion.records import Checked, Outcome, Selection
from nodes.deletion.step_01_read_deletion_plan import read_deletion_plan
from nodes.deletion.step_02_take_due_users import count_due_users, take_due_users
from nodes.deletion.step_03_check_subscriptions import check_subscriptions
from nodes.deletion.step_04_put_off_deletion import put_off_deletion
from nodes.deletion.step_05_clear_comments import clear_comments
from nodes.deletion.step_06_delete_data import delete_data
from nodes.runs.display import table
from nodes.runs.sweep import IDS_SHOWN, sweep


@flow(name="delete-expired-data", persist_result=False)
async def delete_expired_data(dry_run: bool = True, at_most: int | None = None) -> State[None]:
    """Delete the data of every user whose retention has ended; a dry run reports it and changes nothing.

    A killed run leaves no user's data partly deleted, and the next run continues. `at_most` limits the users of this
    run.
    """
    async with sweep("delete-expired-data", at_most) as run:
        totals = Totals(dry_run)
        await read_deletion_plan()
        await run.expect(await count_due_users())
        while (batch := await take_due_users(Selection(dry_run, run.next_batch, totals.last))).users:
            checked = await check_subscriptions(batch)
            await put_off_deletion(checked)
            outcome = await delete_data(await clear_comments(checked))
            totals.add(max(batch.users), checked, outcome)
            await run.went_through(len(batch.users), outcome.failed)
        await run.summarize(totals.as_markdown())
    return run.state(str(totals))


class Totals:
    """The counts of a run. Memory use doesn't grow with the number of users."""

    def __init__(self, dry_run: bool) -> None:
        self._dry_run = dry_run
        self.last: str | None = None
        self._users = 0
        self._rows: Counter[str] = Counter()
        self._kept: Counter[tuple[str, str]] = Counter()
        self._put_off: Counter[str] = Counter()
        self._listed: list[tuple[str, str]] = []

    def add(self, last: str, checked: Checked, outcome: Outcome) -> None:
        """Add a batch, whose greatest user id is `last`."""
        self.last = last
        self._users += len(outcome.deleted)
        self._put_off.update(each.reason for each in checked.put_off)
        for deleted in outcome.deleted:
            self._rows.update({part["table"]: part["rows"] for part in deleted.removed})
            self._kept.update({(part["what"], part["ground"]): part["rows"] for part in deleted.kept})
        self._listed += [(each.user_id, f"{each.rows} rows") for each in outcome.deleted]
        self._listed += [(each.user_id, f"nothing: {each.reason}") for each in checked.put_off]
        del self._listed[IDS_SHOWN:]

    def __str__(self) -> str:
        would = "would delete" if self._dry_run else "deleted"
        return f"{would} {self._users} users, {self._rows.total()} rows; {self._put_off.total()} put off"

    def as_markdown(self) -> str:
        """Return tables of what was deleted, kept and put off, and why; for a dry run also the users."""
        parts = [
            f"**{self}**",
            table(("table", "rows deleted"), [(name, str(rows)) for name, rows in self._rows.items()]),
            table(
                ("kept", "rows", "legal ground"),
                [(what, str(rows), ground) for (what, ground), rows in self._kept.items()],
            ),
            table(("put off because", "users"), [(why, str(users)) for why, users in self._put_off.items()]),
        ]
        if self._dry_run:
            parts += [f"The first {IDS_SHOWN} users:", table(("user", "would be deleted"), self._listed)]
        return "\n\n".join(parts)
