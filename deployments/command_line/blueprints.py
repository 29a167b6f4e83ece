"""Commands for the steps of the cancel page."""

from typing import Annotated

import typer

from deployments.local.join import join_stack
from nodes.settings import BlueprintSettings, DatabaseSettings, load

app = typer.Typer()
blueprints = typer.Typer(help="The steps of the cancel page: check, publish and show them.", no_args_is_help=True)
app.add_typer(blueprints, name="blueprints")


@blueprints.command()
def check() -> None:
    """Check the folder in BLUEPRINTS, or the default one, and show its blueprints."""
    join_stack()
    from rich.console import Console

    from deployments.operations.blueprints import check as checked
    from deployments.operations.blueprints_table import blueprints_table

    Console().print(blueprints_table(checked(load(BlueprintSettings))))


@blueprints.command()
def publish() -> None:
    """Check the folder in BLUEPRINTS, and make it the current version. Sessions that are open keep theirs."""
    join_stack()
    from deployments.operations.blueprints import publish as published

    version = published(load(DatabaseSettings), load(BlueprintSettings))
    typer.echo("nothing changed" if version is None else f"published as version {version}")


@blueprints.command()
def show(
    version: Annotated[int | None, typer.Argument(min=0, help="default: the current one; 0: the default set")] = None,
) -> None:
    """Show the blueprints that are published."""
    join_stack()
    from rich.console import Console

    from deployments.operations.blueprints import published
    from deployments.operations.blueprints_table import blueprints_table

    found, at = published(load(DatabaseSettings), version)
    typer.echo(f"version {found.version}, {f'published at {at:%Y-%m-%d %H:%M} UTC' if at else 'the default set'}")
    Console().print(blueprints_table(found))
