"""Commands for the script of calls."""

from typing import Annotated

import typer

from deployments.local.join import join_stack
from nodes.settings import CallScriptSettings, CallSettings, load

app = typer.Typer()
script = typer.Typer(help="The script of calls to customers who cancelled: check and show it.", no_args_is_help=True)
app.add_typer(script, name="script")


@script.command()
def check() -> None:
    """Check the script in CALL_SCRIPT, or the default one. No call is made while this fails."""
    join_stack()
    from deployments.calls.script import check as checked

    checked(load(CallSettings))
    typer.echo("the script may be used for calls")


@script.command()
def show(user: Annotated[str, typer.Argument(help="the user's id")]) -> None:
    """Show the script as it would be read to a customer who cancelled."""
    join_stack()
    from deployments.calls.script import show as shown

    typer.echo(shown(load(CallScriptSettings), user))
