"""Who an operator says has done something."""

from typing import Annotated

import typer

MAX_NAME = 100


def _name(given: str) -> str:
    if not 1 <= len(given) <= MAX_NAME:
        raise typer.BadParameter(f"a name has 1 to {MAX_NAME} characters")
    return given


By = Annotated[str, typer.Option(help="who has done or says it", callback=_name)]
