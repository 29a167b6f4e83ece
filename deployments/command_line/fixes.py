"""Commands for fixes: tell the customers who left without one, and see who came back."""

import re
from typing import Annotated

import typer

from deployments.command_line.replies import Tag
from deployments.local.join import join_stack
from nodes.rules.win_back import DEFAULT_LANGUAGE
from nodes.settings import DatabaseSettings, PrefectSettings, ServiceSettings, load

app = typer.Typer()
fix = typer.Typer(help="Fixes of what customers missed: ship one, and list who came back.", no_args_is_help=True)
app.add_typer(fix, name="fix")

MAX_NOTE = 1000
_IN_LANGUAGE = re.compile(r"([a-z]{2})=(.*)", re.DOTALL)


def _notes(given: list[str] | None) -> list[str]:
    for language, note in map(_note, given or []):
        from email_templates.languages import TRANSLATIONS

        if language not in TRANSLATIONS:
            raise typer.BadParameter(f"{language}: emails are in {', '.join(sorted(TRANSLATIONS))}")
        if not 1 <= len(note) <= MAX_NOTE:
            raise typer.BadParameter(f"a note has 1 to {MAX_NOTE} characters")
    return given or []


def _note(given: str) -> tuple[str, str]:
    """Return the language and the paragraph of `de=…`, or of a note in the default language."""
    marked = _IN_LANGUAGE.fullmatch(given)
    language, text = (marked[1], marked[2]) if marked else (DEFAULT_LANGUAGE, given)
    return language, " ".join(text.split())


@fix.command()
def ship(
    tag: Tag,
    note: Annotated[
        list[str] | None,
        typer.Option(help="what was fixed, in one paragraph; in another language: --note de=…", callback=_notes),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only count who would be written to")] = False,
    at_most: Annotated[int | None, typer.Option(min=1, help="limit the number of customers")] = None,
) -> None:
    """Email, once, everyone who left and is tagged with what was fixed, if they agreed to marketing emails.

    Repeat it to continue, or to write to customers who were tagged later; without a note, with the same one.
    """
    join_stack()
    settings = load(ServiceSettings)
    load(PrefectSettings)
    from rich.console import Console
    from rich.markdown import Markdown

    from deployments.operations.fixes import require_tagged
    from deployments.operations.fixes import ship as shipped
    from deployments.operations.sweeps import carry_out
    from flows.win_back import win_back
    from nodes.win_back.message import way_to_subscribe_again

    if dry_run:
        require_tagged(load(DatabaseSettings), tag)
    else:
        way_to_subscribe_again(settings)
        shipped(load(DatabaseSettings), tag, dict(map(_note, note or [])))
    done, page = carry_out(win_back, tag=tag, dry_run=dry_run, at_most=at_most)
    Console().print(Markdown(page))
    if not done:
        raise typer.Exit(1)


@fix.command("list")
def list_() -> None:
    """List each fix: how many were written to, how many were not and why, and who came back within 90 days."""
    join_stack()
    from deployments.operations.fixes import listed

    for line in listed(load(DatabaseSettings)):
        typer.echo(line)
