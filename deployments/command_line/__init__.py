"""The command `cancelflow`. Each command imports its modules when it runs, as Prefect and Stripe take seconds."""

import typer

from deployments.command_line import (
    account,
    blueprints,
    calls,
    consents,
    fixes,
    operations,
    replies,
    script,
    stack,
    tasks,
    webhooks,
)
from nodes.errors import CancelflowError, SettingsInvalid

app = typer.Typer(
    help="Subscription cancellation, WF-023, as a DAG of Prefect tasks.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
for commands in (stack, account, blueprints, calls, consents, fixes, operations, replies, script, tasks, webhooks):
    app.add_typer(commands.app)


def main() -> None:
    """Run a command; a `CancelflowError` becomes one message and exit code 1, or 2 for settings."""
    try:
        app()
    except SettingsInvalid as error:
        typer.echo(str(error), err=True)
        raise SystemExit(2) from None
    except CancelflowError as error:
        typer.echo(f"{type(error).__name__}: {error}", err=True)
        raise SystemExit(1) from None
