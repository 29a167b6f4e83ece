"""Commands for tasks: what a person should do about customers."""

from typing import Annotated
from uuid import UUID

import typer

from deployments.command_line.names import By
from deployments.local.join import join_stack
from nodes.settings import DatabaseSettings, load

app = typer.Typer()
tasks = typer.Typer()
app.add_typer(tasks, name="tasks")

TaskId = Annotated[UUID, typer.Argument(metavar="ID", help="as `cancelflow tasks` lists it")]


@tasks.callback(invoke_without_command=True)
def list_open(context: typer.Context) -> None:
    """Tasks about customers: without a command, list the open ones, oldest first."""
    if context.invoked_subcommand:
        return
    join_stack()
    from rich.console import Console

    from deployments.operations.tasks import open_tasks, print_list

    print_list(open_tasks(load(DatabaseSettings)), Console())


@tasks.command()
def show(task: TaskId) -> None:
    """Show a task with what the customer said."""
    join_stack()
    from rich.console import Console

    from deployments.operations.tasks import print_task, task_of

    print_task(task_of(load(DatabaseSettings), task), Console())


@tasks.command()
def done(
    task: TaskId,
    by: By = "operator",
) -> None:
    """Mark a task as done. It is deleted 90 days later."""
    join_stack()
    from deployments.operations.tasks import mark_done

    mark_done(load(DatabaseSettings), task, by)
    typer.echo(f"{task} is done")
