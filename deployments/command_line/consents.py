"""Commands for consents: the wordings that customers are asked with, and what each customer decided."""

import json
from pathlib import Path
from typing import Annotated

import typer

from deployments.local.join import join_stack
from nodes.rules.consents import Channel
from nodes.rules.user_ids import MAX_CHARACTERS, is_user_id
from nodes.settings import ConsentListSettings, DatabaseSettings, load

app = typer.Typer()
consents = typer.Typer(
    help="Consents: publish the wordings; list, export and revoke what a customer agreed to.", no_args_is_help=True
)
app.add_typer(consents, name="consents")

MAX_NOTE = 500


def _user_id(given: str) -> str:
    if not is_user_id(given):
        raise typer.BadParameter(f"a user id has 1 to {MAX_CHARACTERS} characters")
    return given


def _note(given: str | None) -> str | None:
    if given and len(given) > MAX_NOTE:
        raise typer.BadParameter(f"a note has at most {MAX_NOTE} characters")
    return given


UserId = Annotated[str, typer.Argument(help="your own id of the user", callback=_user_id)]


@consents.command()
def publish(
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="YAML, as deployments/defaults/README.md says")
    ],
) -> None:
    """Check a file of wordings, and publish the versions that are new. What was published is never changed."""
    join_stack()
    from deployments.operations.consents import publish as published

    new = published(load(DatabaseSettings), file)
    typer.echo("\n".join(f"published {channel} version {version}" for channel, version in new) or "nothing new")


@consents.command()
def wordings() -> None:
    """Show the published wordings, and which of them count."""
    join_stack()
    from rich.console import Console

    from deployments.operations.consents import published
    from deployments.operations.consents_table import wordings_table

    settings = load(ConsentListSettings)
    Console().print(wordings_table(published(settings), settings.consent_min_version))


@consents.command("list")
def list_(user_id: UserId) -> None:
    """Show what a customer accepted and revoked, and on which channels they may be contacted."""
    join_stack()
    from rich.console import Console

    from deployments.operations.consents import current, history
    from deployments.operations.consents_table import history_table, state_lines

    settings = load(ConsentListSettings)
    Console().print(history_table(history(settings, user_id)))
    typer.echo("\n".join(state_lines(current(settings, user_id), settings.consent_min_version)))


@consents.command()
def export(user_id: UserId) -> None:
    """Print everything that was recorded about a customer as JSON, with the full wordings."""
    join_stack()
    from deployments.operations.consents import history

    entries = [each.as_json() for each in history(load(DatabaseSettings), user_id)]
    typer.echo(json.dumps({"user_id": user_id, "consents": entries}, indent=2, ensure_ascii=False))


@consents.command()
def revoke(
    user_id: UserId,
    channel: Channel,
    note: Annotated[
        str | None, typer.Option(help="how the customer asked for it, kept as evidence", callback=_note)
    ] = None,
) -> None:
    """Record that a customer doesn't want to be contacted on a channel any more."""
    join_stack()
    from deployments.operations.consents import revoke as revoked

    at = revoked(load(DatabaseSettings), user_id, channel, note)
    typer.echo(f"{channel} is revoked since {at:%Y-%m-%d %H:%M:%S %Z}")
