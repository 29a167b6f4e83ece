"""Commands for customers' replies: those that wait for a person's category, and recording it."""

from typing import Annotated
from uuid import UUID

import typer

from deployments.command_line.names import By
from deployments.local.join import join_stack
from nodes.rules.reasons import STRIPE_FEEDBACK
from nodes.rules.tags import MAX_TAG, normalized
from nodes.settings import DatabaseSettings, ReplyListSettings, load

app = typer.Typer()
replies = typer.Typer()
app.add_typer(replies, name="replies")

ReplyId = Annotated[UUID, typer.Argument(metavar="ID", help="as `cancelflow replies` lists it")]
FeedbackId = Annotated[
    UUID, typer.Argument(metavar="ID", help="of a cancellation request, or of a reply to an email about it")
]


def _category(given: str) -> str:
    if given not in STRIPE_FEEDBACK:
        raise typer.BadParameter(f"a category is one of {', '.join(STRIPE_FEEDBACK)}")
    return given


def _tag(given: str) -> str:
    tag = normalized(given)
    if tag is None:
        raise typer.BadParameter(f"a tag has 1 to {MAX_TAG} letters from a to z, digits and hyphens")
    return tag


Tag = Annotated[str, typer.Argument(help="what the customer missed, as sso", callback=_tag)]


@replies.callback(invoke_without_command=True)
def list_uncertain(
    context: typer.Context,
    every: Annotated[bool, typer.Option("--all", help="also those that need nobody")] = False,
) -> None:
    """Customers' replies: without a command, list those whose category a person has to decide, oldest first."""
    if context.invoked_subcommand:
        return
    join_stack()
    from deployments.operations.replies import listed

    for line in listed(load(ReplyListSettings), every=every):
        typer.echo(line)


@replies.command()
def show(reply: ReplyId) -> None:
    """Show a reply with the customer's text."""
    join_stack()
    from deployments.operations.replies import reply_of

    typer.echo("\n".join(reply_of(load(DatabaseSettings), reply).lines()))


@replies.command()
def correct(
    reply: ReplyId,
    category: Annotated[str, typer.Argument(help=f"one of {', '.join(STRIPE_FEEDBACK)}", callback=_category)],
    by: By = "operator",
) -> None:
    """Record a reply's category. It counts in place of the model's, whatever that is."""
    join_stack()
    from deployments.operations.replies import correct as corrected

    corrected(load(ReplyListSettings), reply, category, by)
    typer.echo(f"{reply} is {category}")


@replies.command()
def tag(about: FeedbackId, tag: Tag, by: By = "operator") -> None:
    """Tag a cancellation's reason and replies with what the customer missed."""
    join_stack()
    from deployments.operations.feedback_tags import put

    request_id = put(load(DatabaseSettings), about, tag, by)
    typer.echo(f"request {request_id} is tagged missing: {tag}")


@replies.command()
def untag(about: FeedbackId, tag: Tag) -> None:
    """Remove a tag again."""
    join_stack()
    from deployments.operations.feedback_tags import remove

    request_id = remove(load(DatabaseSettings), about, tag)
    typer.echo(f"request {request_id} is no longer tagged missing: {tag}")


@replies.command()
def tags() -> None:
    """List the tags, and how many customers have each."""
    join_stack()
    from deployments.operations.feedback_tags import listed

    for line in listed(load(DatabaseSettings)):
        typer.echo(line)
