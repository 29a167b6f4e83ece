"""Commands for calls to customers who cancelled."""

from typing import Annotated
from uuid import UUID

import typer

from deployments.local.join import join_stack
from nodes.settings import DatabaseSettings, load

app = typer.Typer()
calls = typer.Typer()
app.add_typer(calls, name="calls")

CallId = Annotated[UUID, typer.Argument(metavar="ID", help="as `cancelflow calls` lists it")]


@calls.callback(invoke_without_command=True)
def list_calls(context: typer.Context) -> None:
    """Calls to customers who cancelled: without a command, list the newest, and results of unknown calls."""
    if context.invoked_subcommand:
        return
    join_stack()
    from rich.console import Console

    from deployments.calls.listed import show_list

    show_list(load(DatabaseSettings), Console())


@calls.command()
def show(call: CallId) -> None:
    """Show a call with what the customer said."""
    join_stack()
    from rich.console import Console

    from deployments.calls.listed import show_call

    show_call(load(DatabaseSettings), call, Console())
